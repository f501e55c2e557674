//! Lists: filters, pages, selections, order.

use serde_json::{Value, json};

use crate::client::Client;

async fn names(client: &Client, query: &str) -> Vec<String> {
    let list = client.get(&format!("/api/{query}")).await.expect(200);
    let results = list["results"].as_array().unwrap();
    results
        .iter()
        .map(|object| object["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn zoo() -> Client {
    let client = Client::lab().await;
    let marker = |value: &str| json!([{"key": "clustername", "values": [value]}]);
    client
        .make("cloud", json!({"name": "other", "vtype": "CLOUD_NONE"}))
        .await;
    for (name, created_by, cluster, cloud) in [
        ("orange--A", "ako-orange", "orange", "Default-Cloud"),
        ("orange--b", "ako-orange", "orange", "other"),
        (
            "orange-new--c",
            "ako-orange-new",
            "orange-new",
            "Default-Cloud",
        ),
        ("zebra", "someone", "x", "Default-Cloud"),
    ] {
        let body = json!({
            "name": name, "created_by": created_by, "markers": marker(cluster),
            "cloud_ref": format!("/api/cloud?name={cloud}"),
        });
        client.make("pool", body).await;
    }
    client
}

#[tokio::test(start_paused = true)]
async fn filters_choose() {
    let client = zoo().await;
    for (query, want) in [
        ("pool?name=zebra", vec!["zebra"]),
        ("pool/?&include_name=&name=zebra", vec!["zebra"]),
        ("pool?name=nothing", vec![]),
        ("pool?name.in=zebra,orange--b,x", vec!["orange--b", "zebra"]),
        (
            "pool?name.contains=orange--",
            vec!["orange--A", "orange--b"],
        ),
        ("pool?name.contains=orange--a", vec![]),
        ("pool?name.icontains=orange--a", vec!["orange--A"]),
        ("pool?created_by=ako-orange", vec!["orange--A", "orange--b"]),
        (
            "pool?created_by=ako-orange&cloud_ref.name=other",
            vec!["orange--b"],
        ),
        (
            "pool?cloud_ref.name=Default-Cloud&created_by=ako-orange",
            vec!["orange--A"],
        ),
        (
            "pool?cloud_ref.uuid=cloud-default&created_by=ako-orange",
            vec!["orange--A"],
        ),
        (
            "pool?cloud_uuid=cloud-default&created_by=ako-orange",
            vec!["orange--A"],
        ),
        (
            "pool?label_key=clustername&label_value=orange",
            vec!["orange--A", "orange--b"],
        ),
        ("pool?label_key=clustername&label_value=nobody", vec![]),
        ("pool?search=ako-orange-new", vec!["orange-new--c"]),
        (
            "pool?isearch=(name,ZEB)|(created_by,new)",
            vec!["orange-new--c", "zebra"],
        ),
        (
            "pool?sort=-name",
            vec!["zebra", "orange-new--c", "orange--b", "orange--A"],
        ),
        ("pool?no_such_field=x", vec![]),
    ] {
        assert_eq!(names(&client, query).await, want, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn relations_choose() {
    let client = Client::lab().await;
    let pool = client.make("pool", json!({"name": "p"})).await;
    client.make("pool", json!({"name": "unused"})).await;
    let body = json!({"name": "v", "pool_ref": "/api/pool?name=p"});
    let vs = client.make("virtualservice", body).await;
    let (pool, vs) = (pool.as_str().unwrap(), vs.as_str().unwrap());
    assert_eq!(
        names(&client, &format!("virtualservice?refers_to=pool:{pool}")).await,
        ["v"]
    );
    assert_eq!(
        names(&client, &format!("pool?referred_by=virtualservice:{vs}")).await,
        ["p"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_has_no_next() {
    let client = Client::lab().await;
    let list = client.get("/api/pool").await.expect(200);
    assert_eq!(list, json!({"count": 0, "results": []}));
}

#[tokio::test(start_paused = true)]
async fn pages_are_linked_until_the_last() {
    let client = Client::lab().await;
    for index in 0..7 {
        client
            .make("pool", json!({"name": format!("p{index}")}))
            .await;
    }
    let mut uri = "http://avi.test//api/pool/?&include_name=&page_size=3".to_owned();
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let page = client.get(&uri).await.expect(200);
        assert_eq!(page["count"], 7);
        let results = page["results"].as_array().unwrap();
        sizes.push(results.len());
        seen.extend(
            results
                .iter()
                .map(|pool| pool["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page.get("next").and_then(Value::as_str) else {
            break;
        };
        assert!(next.starts_with("http://avi.test/api/pool?"), "{next}");
        uri = next.to_owned();
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(seen, ["p0", "p1", "p2", "p3", "p4", "p5", "p6"]);
    assert_eq!(
        client.get("/api/pool?page_size=3&page=9").await.expect(200)["results"],
        json!([])
    );
    client.get("/api/pool?page_size=201").await.expect(400);
}

#[tokio::test(start_paused = true)]
async fn a_page_has_25_entries_unless_asked() {
    let client = Client::lab().await;
    for index in 0..30 {
        client
            .make("pool", json!({"name": format!("p{index:02}")}))
            .await;
    }
    let list = client.get("/api/pool").await.expect(200);
    assert_eq!(list["results"].as_array().unwrap().len(), 25);
    assert_eq!(list["count"], 30);
}

#[tokio::test(start_paused = true)]
async fn a_selection_keeps_name_url_and_uuid() {
    let client = Client::lab().await;
    client
        .make(
            "pool",
            json!({"name": "p", "created_by": "me", "default_server_port": 1}),
        )
        .await;
    let pool = client
        .first("/api/pool?fields=created_by,_last_modified")
        .await;
    let fields: Vec<&String> = pool.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["_last_modified", "created_by", "name", "url", "uuid"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_controllers_pages_are_bare_objects() {
    let client = Client::lab().await;
    let cluster = client.get("/api/cluster").await.expect(200);
    assert_eq!(
        (&cluster["name"], &cluster["uuid"]),
        (&json!("cluster-0-1"), &json!("cluster-0000-sim"))
    );
    let runtime = client.get("/api/cluster/runtime").await.expect(200);
    assert_eq!(runtime["cluster_state"]["state"], "CLUSTER_UP_NO_HA");
    assert_eq!(runtime["node_states"][0]["role"], "CLUSTER_LEADER");
    let uri = "/api/ipamdnsproviderprofiledomainlist?cloud_uuid=cloud-default";
    assert_eq!(
        client.get(uri).await.expect(200),
        json!({"domains": ["avi.internal"]})
    );
    client.get("/api/systemlimits").await.expect(200);
    client.get("/api/pool/x/runtime").await.expect(404);
}
