//! The admin paths.

use serde_json::json;

use crate::stage::{PRO, QUICK, Stage};

#[tokio::test]
async fn arrivals_are_read_back_and_cleared() {
    let stage = Stage::set(QUICK).await;
    stage.draw("a fox").await;
    let read = stage.get("/admin/arrivals").await.json();
    assert_eq!(
        read,
        json!([{
            "sequence": 1, "at_ms": 1_768_507_200_000_u64, "provider": "gemini", "key": "-key",
            "project": "default", "model": PRO, "aspect_ratio": "1:1", "resolution": "1K", "prompt": "a fox",
            "reference_images": 0, "person_generation": null, "status": 200, "fault": null, "billed": true, "end": "answered",
        }])
    );
    let cleared = stage.client.delete(format!("{}/admin/arrivals", stage.url)).send().await.unwrap();
    assert_eq!(cleared.status(), 204);
    assert_eq!(stage.get("/admin/arrivals").await.json(), json!([]));
    assert_eq!(stage.get("/healthz").await.text, "ok\n");
}

#[tokio::test]
async fn scripts_and_rules_are_changed_while_it_serves() {
    let stage = Stage::set(QUICK).await;
    let script = format!("{QUICK}[[rules]]\nmatch = {{ first = 1 }}\nfault = 'internal'");
    assert_eq!(stage.post("/admin/script", "", script.clone()).await.status, 204);
    assert_eq!([stage.draw("a").await.status, stage.draw("a").await.status], [500, 200]);
    // The same script again counts from the beginning.
    assert_eq!(stage.post("/admin/script", "", script).await.status, 204);
    let rule = r#"{"match": {"first": 1}, "fault": "unavailable"}"#;
    assert_eq!(stage.post("/admin/rules", "", rule).await.status, 204);
    assert_eq!([stage.draw("a").await.status, stage.draw("a").await.status], [503, 200]);
    assert_eq!(stage.post("/admin/rules", "", "fault = 'internal'").await.status, 204);
    assert_eq!(stage.draw("a").await.status, 500);
    let cleared = stage.client.delete(format!("{}/admin/rules", stage.url)).send().await.unwrap();
    assert_eq!((cleared.status().as_u16(), stage.draw("a").await.status), (204, 200));
    for path in ["/admin/script", "/admin/rules"] {
        let refused = stage.post(path, "", "fault = 'earthquake'").await;
        assert_eq!((refused.status, refused.text.contains("cannot use the script")), (400, true));
    }
}
