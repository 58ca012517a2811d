//! Claims runs, walks their blocks and executes them.
