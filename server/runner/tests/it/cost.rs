//! What the socket and the spool cost, printed beside a plain start of the same command:
//! `cargo test -p runner --release --test it -- --ignored --nocapture cost`.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{io::AsyncReadExt, process::Command};

use crate::world::{World, finish, sh};

const ROUNDS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn of_a_start_over_the_socket() {
    let world = World::new();
    let (mut plain, mut answered, mut ended, mut forgotten) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut child = Command::new("/bin/sh")
            .args(["-c", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut output = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut output).await.unwrap();
        child.wait().await.unwrap();
        plain.push(began.elapsed());

        let began = Instant::now();
        let process = world.runner.spawn(sh("true")).await.unwrap();
        answered.push(began.elapsed());
        let step = process.handle.identity().step.clone();
        finish(process).await;
        ended.push(began.elapsed());
        world.runner.forget(&step).await.unwrap();
        forgotten.push(began.elapsed());
    }
    let mut rows = [("plain start and end", plain), ("answered", answered), ("ended", ended), ("forgotten", forgotten)];
    for (name, times) in &mut rows {
        times.sort();
        let at = |percent: usize| times[ROUNDS * percent / 100].as_micros();
        println!("{name:20} p50 {:>5} µs  p95 {:>5} µs", at(50), at(95));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn of_much_output() {
    let world = World::new();
    world.runner.info().await.unwrap();
    let began = Instant::now();
    let finished = finish(world.runner.spawn(sh("exec seq 1 1000000")).await.unwrap()).await;
    println!("{} bytes in {:.0?}", finished.stdout.len(), began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn of_many_steps_at_once() {
    const STEPS: usize = 1000;
    let world = World::new();
    world.runner.info().await.unwrap();
    let began = Instant::now();
    let workers = (0..20).map(|_| {
        let runner = world.runner.clone();
        tokio::spawn(async move {
            for _ in 0..STEPS / 20 {
                let process = runner.spawn(sh("true")).await.unwrap();
                let step = process.handle.identity().step.clone();
                finish(process).await;
                runner.forget(&step).await.unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    println!("{:.0} steps a second", STEPS as f64 / began.elapsed().as_secs_f64());
}
