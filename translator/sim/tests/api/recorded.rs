//! The answers recorded from a real Controller, point by point.

use serde_json::{Value, json};

use crate::client::Client;

#[tokio::test(start_paused = true)]
async fn a_login_answers_with_the_recorded_keys_and_cookies() {
    let client = Client::lab().await;
    let login = json!({"username": "admin", "password": "x"});
    let answer = client.send("POST", "/login", Some(login)).await;
    let cookies: Vec<String> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap().to_owned())
        .collect();
    let of = |name: &str| {
        cookies
            .iter()
            .find(|text| text.starts_with(&format!("{name}=")))
            .unwrap()
    };
    let csrf = of("csrftoken");
    assert!(
        csrf.contains("Max-Age=31449600") && csrf.contains("Secure") && !csrf.contains("HttpOnly")
    );
    for name in ["avi-sessionid", "sessionid"] {
        let cookie = of(name);
        assert!(
            cookie.contains("Max-Age=86400")
                && cookie.contains("HttpOnly")
                && cookie.contains("Secure")
        );
    }
    let body = answer.expect(200);
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    let want = [
        "controller",
        "session_cookie_name",
        "system_config",
        "tenants",
        "user",
        "user_initialized",
        "version",
    ];
    assert_eq!(keys, want);
    assert_eq!(body["controller"]["api_idle_timeout"], 15);
    for key in [
        "Version",
        "Tag",
        "build",
        "min_version",
        "ProductName",
        "Product",
        "Date",
    ] {
        assert!(body["version"].get(key).is_some(), "{key}");
    }
    for key in [
        "default_tenant_ref",
        "username",
        "is_superuser",
        "local",
        "uuid",
    ] {
        assert!(body["user"].get(key).is_some(), "{key}");
    }
    assert_eq!(body["user"]["uuid"], "user-1");
}

#[tokio::test(start_paused = true)]
async fn the_version_is_echoed_and_without_one_it_is_old() {
    let client = Client::lab().await;
    let answer = client.get("/api/systemconfiguration").await;
    assert_eq!(answer.headers["avi_api_version"], "30.2.1");
    let system = answer.expect(200);
    assert_eq!(system["default_license_tier"], "ENTERPRISE");
    assert_eq!(system["uuid"], "default");
    let portal = &system["portal_configuration"];
    assert_eq!(portal["allow_basic_authentication"], false);
    assert_eq!(portal["redirect_to_https"], true);
    assert_eq!(portal["enable_http"], true);
    let answer = client
        .without("x-avi-version")
        .get("/api/systemconfiguration")
        .await;
    assert_eq!(answer.headers["avi_api_version"], "16_4_2");
    assert!(answer.expect(200).get("default_license_tier").is_none());
}

#[tokio::test(start_paused = true)]
async fn the_system_configuration_is_updated_in_place() {
    let client = Client::lab().await;
    let mut system = client.get("/api/systemconfiguration").await.expect(200);
    system["default_license_tier"] = json!("BASIC");
    client
        .send("PUT", "/api/systemconfiguration", Some(system))
        .await
        .expect(200);
    let system = client.get("/api/systemconfiguration").await.expect(200);
    assert_eq!(system["default_license_tier"], "BASIC");
}

#[tokio::test(start_paused = true)]
async fn a_minimal_pool_comes_back_filled() {
    let client = Client::filling().await;
    let body = json!({"name": "p", "servers": [{"ip": {"addr": "1.2.3.4", "type": "V4"}}]});
    let pool = client.post("pool", body).await.expect(201);
    for (field, want) in [
        ("cloud_ref", "#Default-Cloud"),
        ("tenant_ref", "#admin"),
        ("vrf_ref", "#global"),
        ("analytics_profile_ref", "#System-Analytics-Profile"),
    ] {
        assert!(pool[field].as_str().unwrap().ends_with(want), "{field}");
    }
    let scalars = pool.as_object().unwrap().iter().filter(|(field, value)| {
        !value.is_array()
            && !field.ends_with("_ref")
            && !["name", "uuid", "url", "_last_modified"].contains(&field.as_str())
    });
    assert!(scalars.count() >= 25);
    let server = &pool["servers"][0];
    assert_eq!(
        (&server["hostname"], &server["ratio"], &server["enabled"]),
        (&json!("1.2.3.4"), &json!(1), &json!(true))
    );
}

#[tokio::test(start_paused = true)]
async fn a_minimal_virtual_service_comes_back_filled_and_reads_show_more() {
    let client = Client::filling().await;
    let body = json!({"name": "v", "services": [{"port": 80}], "application_profile_name": "x"});
    let created = client.post("virtualservice", body).await.expect(201);
    for (field, want) in [
        ("se_group_ref", "#Default-Group"),
        ("application_profile_ref", "#System-HTTP"),
        ("network_profile_ref", "#System-TCP-Proxy"),
    ] {
        assert!(created[field].as_str().unwrap().ends_with(want), "{field}");
    }
    assert_eq!(created["services"][0]["port_range_end"], 80);
    assert_eq!(
        (&created["weight"], &created["cloud_type"]),
        (&json!(1), &json!("CLOUD_NONE"))
    );
    assert!(created.get("version").is_none());
    let read = client.first("/api/virtualservice").await;
    for field in [
        "version",
        "marked_for_delete",
        "vip_runtime",
        "self_se_election",
        "tls_ticket_key",
    ] {
        assert!(read.get(field).is_some(), "{field}");
    }
    let bare = Client::lab().await;
    bare.make("virtualservice", json!({"name": "v"})).await;
    assert!(
        bare.first("/api/virtualservice")
            .await
            .get("tls_ticket_key")
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn a_filled_certificate_tells_its_facts_and_shows_its_pem_later() {
    let client = Client::filling().await;
    let pair = rcgen::generate_simple_self_signed(vec!["foo.com".to_owned()]).unwrap();
    let pem = pair.cert.pem();
    let body = json!({
        "name": "c", "key": pair.signing_key.serialize_pem(), "certificate": {"certificate": pem},
    });
    let created = client.post("sslkeyandcertificate", body).await.expect(201);
    assert!(created.get("key").is_none());
    let certificate = &created["certificate"];
    assert!(certificate.get("certificate").is_none());
    for fact in [
        "subject",
        "issuer",
        "serial_number",
        "not_before",
        "not_after",
        "expiry_status",
        "self_signed",
    ] {
        assert!(certificate.get(fact).is_some(), "{fact}");
    }
    let read = client.first("/api/sslkeyandcertificate?name=c").await;
    assert_eq!(read["key"], "<sensitive>");
    assert_eq!(read["certificate"]["certificate"], pem);
    assert!(read["certificate"].get("public_key").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_filled_tenant_has_its_settings() {
    let client = Client::filling().await;
    let tenant = client
        .post("tenant", json!({"name": "red"}))
        .await
        .expect(201);
    assert_eq!(tenant["local"], true);
    let want = json!({
        "se_in_provider_context": true, "tenant_access_to_provider_se": true, "tenant_vrf": false,
    });
    assert_eq!(tenant["config_settings"], want);
    assert_eq!(
        client.first("/api/tenant?name=admin").await["uuid"],
        "admin"
    );
}

#[tokio::test(start_paused = true)]
async fn a_parent_shows_its_children_when_filled() {
    let client = Client::filling().await;
    client
        .make("virtualservice", json!({"name": "parent"}))
        .await;
    let body = json!({"name": "child", "vh_parent_vs_ref": "/api/virtualservice?name=parent"});
    let child = client.make("virtualservice", body).await;
    let parent = client.first("/api/virtualservice?name=parent").await;
    assert_eq!(parent["vh_child_vs_uuid"], Value::from(vec![child]));
}
