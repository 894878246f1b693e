//! The accept loop on a real socket.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use gateway::Settings;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::stage::{SMALLEST, Stage, one_picture};

/// A gateway that listens, until told to stop.
struct Served {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

async fn serve(stage: &Stage, settings: Settings) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let ended = tokio::spawn(gateway::serve(listener, stage.router.clone(), settings, shutdown));
    Served { address, stop, ended }
}

fn question(close: bool) -> String {
    let (path, body) = SMALLEST[0];
    let connection = if close { "close" } else { "keep-alive" };
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\ncontent-type: application/json\r\n\
         connection: {connection}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn everything(mut socket: TcpStream) -> String {
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn an_answer_over_a_socket_is_chunked_and_whole() {
    let stage = Stage::simple();
    let served = serve(&stage, Settings::default()).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    socket.write_all(question(true).as_bytes()).await.unwrap();
    let text = everything(socket).await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("transfer-encoding: chunked") && text.ends_with("\r\n0\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn whoever_says_nothing_or_only_half_a_request_is_let_go() {
    let settings = Settings { header_timeout: Duration::from_millis(50), ..Settings::default() };
    let served = serve(&Stage::simple(), settings).await;
    for beginning in ["", "P", "PRI * HTTP/2.0", "POST /v1/images/generations HTTP/1.1\r\nhost: x\r\n"] {
        let mut socket = TcpStream::connect(served.address).await.unwrap();
        socket.write_all(beginning.as_bytes()).await.unwrap();
        let answer = everything(socket).await;
        assert!(!answer.contains("200 OK"), "{beginning}: {answer}");
    }
}

#[tokio::test]
async fn a_shutdown_waits_for_the_answer_in_flight_and_takes_no_more() {
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, may_go_on) = tokio::sync::watch::channel(false);
    let stage = Stage::with(Settings::default(), move || {
        begun.send(()).unwrap();
        let mut may_go_on = may_go_on.clone();
        let gate = async move { may_go_on.wait_for(|go| *go).await.map(drop).unwrap() };
        let gate = stream::once(gate).filter_map(|()| async { None });
        Ok(gate.chain(stream::iter(one_picture(""))).boxed())
    });
    let served = serve(&stage, Settings::default()).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    socket.write_all(question(false).as_bytes()).await.unwrap();
    has_begun.recv().await.unwrap();
    served.stop.send(()).unwrap();
    // The listener is gone, which the machine tells by refusing.
    while TcpStream::connect(served.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!served.ended.is_finished());
    go_on.send(true).unwrap();
    assert!(everything(socket).await.ends_with("\r\n0\r\n\r\n"));
    served.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn http2_without_tls_is_spoken_too() {
    let served = serve(&Stage::simple(), Settings::default()).await;
    let socket = TcpStream::connect(served.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(socket);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let (path, body) = SMALLEST[0];
    let mut request = crate::stage::post(path, body);
    *request.uri_mut() = format!("http://x{path}").parse().unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, 200));
}

/// Sends the headers of a request, and when they have had their effect a body of so many bytes.
async fn answer_to_slow_writer(socket: &mut TcpStream, headers: &str, length: usize) -> String {
    let head = format!("POST {headers}\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    socket.write_all(&vec![b' '; length]).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = socket.read(&mut answer).await.unwrap();
    String::from_utf8(answer[..length].to_vec()).unwrap()
}

#[tokio::test]
async fn a_connection_outlives_a_request_that_was_refused_unread() {
    const KEY: &str = "authorization: Bearer key\r\ncontent-type: application/json";
    let settings = Settings { body_limit_bytes: 1 << 20, ..Settings::default() };
    let stage = Stage::with(settings, || Ok(stream::iter(one_picture("")).boxed()));
    let served = serve(&stage, settings).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    for (headers, length, status) in [
        ("/v1/messages HTTP/1.1".to_owned(), 1 << 20, "401"),
        (format!("/v1/messages HTTP/1.1\r\n{}", &KEY[..25]), 1 << 20, "415"),
        (format!("/v1/messages HTTP/1.1\r\n{KEY}"), 3 << 20, "413"),
        (format!("/v1/embeddings HTTP/1.1\r\n{KEY}"), 1 << 20, "404"),
        (format!("/v1/models HTTP/1.1\r\n{KEY}"), 1 << 20, "405"),
    ] {
        let answer = answer_to_slow_writer(&mut socket, &headers, length).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}: {answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
    }
    socket.write_all(question(true).as_bytes()).await.unwrap();
    assert!(everything(socket).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn who_asks_before_sending_a_body_is_refused_without_it() {
    let served = serve(&Stage::simple(), Settings::default()).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let asking = "POST /v1/messages HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    socket.write_all(asking.as_bytes()).await.unwrap();
    assert!(everything(socket).await.starts_with("HTTP/1.1 401 "));
}

#[tokio::test]
async fn who_stops_in_the_middle_of_a_refused_body_is_told_that_the_connection_ends() {
    let settings = Settings { body_idle_timeout: Duration::from_millis(50), ..Settings::default() };
    let stage = Stage::with(settings, || Ok(stream::iter(one_picture("")).boxed()));
    let served = serve(&stage, settings).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let half = "POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf";
    socket.write_all(half.as_bytes()).await.unwrap();
    let answer = everything(socket).await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("connection: close"), "{answer}");
}
