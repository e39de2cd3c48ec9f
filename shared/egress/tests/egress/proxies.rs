//! Proxies in the environment are not used. In a process of its own, since the environment is the whole process's.

use std::process::Command;

use crate::server::{OK, Server};
use crate::{egress, post};

#[tokio::test]
async fn proxies_of_the_environment_are_ignored() {
    let proxy = Server::answering(OK).await;
    let url = proxy.uri("/");
    let child = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "proxies::in_a_process_of_its_own", "--ignored", "--nocapture"]);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(name, &url).env(name.to_lowercase(), &url);
        }
        command.env_remove("NO_PROXY").env_remove("no_proxy").env_remove("REQUEST_METHOD").output().unwrap()
    });
    let output = child.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // Exactly the request that was meant to show that the variables work.
    assert_eq!(proxy.requests().len(), 1);
    assert!(proxy.requests()[0].starts_with("POST http://control.example/"));
}

#[tokio::test]
#[ignore = "run by `proxies_of_the_environment_are_ignored` with proxies in its environment"]
async fn in_a_process_of_its_own() {
    reqwest::Client::new().post("http://control.example/").body("").send().await.unwrap();
    let (egress, server) = (egress(), Server::answering(OK).await);
    let port = server.address.port();
    for host in ["127.0.0.1", "hook.example"] {
        let exchange = post(&egress, &format!("http://{host}:{port}/x")).await;
        assert_eq!(exchange.result.unwrap().status, 200);
    }
    assert_eq!(server.requests().len(), 2);
}
