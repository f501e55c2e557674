//! A further cluster joins a translator that runs, by tokens of its own apiserver or by client
//! certificates, and nobody else speaks for it.

use std::fs;

use anyhow::{Result, ensure};
use aviary_tests::kube::ISSUER;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use serde_json::{Value, json};

use crate::admit::{Guarded, keys, refused, token_of};
use crate::cluster::{CLUSTER, Cluster};
use crate::program::until;
use crate::scene::{Shop, named};

/// The cluster that joins.
const REMOTE: &str = "remote";
/// One that has its keys and expects another issuer.
const MISTAKEN: &str = "mistaken";

/// A row of the settings' `clusters`.
fn row(name: &str, identity: &Value) -> Value {
    let mut row =
        json!({"name": name, "values": {"AKOSettings": {"disableStaticRouteSync": true}}});
    for (key, value) in identity.as_object().into_iter().flatten() {
        row[key] = value.clone();
    }
    row
}

/// A shop in a cluster.
async fn open_shop(cluster: &Cluster, namespace: &str) -> Result<()> {
    for object in Shop::new(namespace)?.objects {
        cluster.apply(&object).await?;
    }
    Ok(())
}

/// Waits until a shop of the cluster that joins is served.
async fn served(guarded: &Guarded, namespace: &str) -> Result<()> {
    let name = format!("{REMOTE}--pay.{namespace}.avi.lab");
    until(&format!("{name} is served"), async || {
        let dump = guarded.sim.dump().await?;
        Ok(named(&dump, "virtualservice", &name).ok().map(drop))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admit_a_cluster_that_joins_is_known_by_its_own_keys_alone() -> Result<()> {
    let guarded = Guarded::start_with(&json!({}), None).await?;
    let lab = &guarded.cluster;
    let remote = Cluster::another().await?.called(REMOTE);
    open_shop(&remote, "join-shop").await?;
    let shop = ("join-shop", "agent");
    let namespace = "--namespace=join-shop";
    let own = token_of(&remote, shop, "aviary/remote").await?;
    let wide = token_of(&remote, ("avi-system", "wide"), "aviary/remote").await?;
    let own = [guarded.bearer(&own)?];
    let wide = [guarded.bearer(&wide)?];

    // Before it is configured; the agent goes on asking.
    let early = guarded.agent_of(&remote, &own, namespace)?;
    refused(&early, "cluster remote is not configured").await?;
    let file = guarded.file("remote.json");
    fs::write(&file, keys(&remote)?)?;
    let jwks = file.display().to_string();
    let speaks = json!([{
        "subject": "system:serviceaccount:avi-system:wide", "namespaces": [], "clusterScope": true,
    }]);
    let identity = json!({"issuer": ISSUER, "jwks": jwks, "identities": speaks});
    let other = json!({"issuer": "https://issuer.example", "jwks": jwks});
    let rows = [row(REMOTE, &identity), row(MISTAKEN, &other)];
    guarded.set_settings(&json!({"clusters": rows}))?;
    let _wide = guarded.agent_of(&remote, &wide, "--cluster-scope")?;
    served(&guarded, "join-shop").await?;

    let at = |cluster: &Cluster, name| cluster.clone().called(name);
    let token = async |of: &Cluster, audience: &str| -> Result<[String; 1]> {
        Ok([guarded.bearer(&token_of(of, shop, audience).await?)?])
    };
    let no_key = "the token's key is not one of the cluster's";
    for (who, dials, why) in [
        // For another audience, of the right cluster.
        (
            token(&remote, "aviary/lab").await?,
            REMOTE,
            "InvalidAudience",
        ),
        // Of the other cluster, whatever it is made for.
        (token(lab, "aviary/remote").await?, REMOTE, no_key),
        (token(lab, "aviary/lab").await?, REMOTE, no_key),
        (own.clone(), CLUSTER, no_key),
        // The keys fit, the issuer is another one.
        (
            token(&remote, "aviary/mistaken").await?,
            MISTAKEN,
            "InvalidIssuer",
        ),
        // A cluster of another name.
        (own.clone(), "nowhere", "cluster nowhere is not configured"),
    ] {
        let agent = guarded.agent_of(&at(&remote, dials), &who, namespace)?;
        refused(&agent, why).await?;
        let words = guarded.words()?;
        let told = format!("of {dials}\"");
        let mut lines = words
            .lines()
            .filter(|line| line.contains("was not admitted"));
        let told = lines.any(|line| line.contains(&told) && line.contains(why));
        ensure!(told, "`{why}` of {dials} is not logged: {words}");
    }
    Ok(())
}

/// An authority that names clients.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        Ok(Self { pem, issuer })
    }

    /// How an agent of this name shows who it is.
    fn names(&self, guarded: &Guarded, common: &str, uri: Option<&str>) -> Result<[String; 2]> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let uri = uri.map(|uri| Ok::<_, rcgen::Error>(SanType::URI(uri.try_into()?)));
        params.subject_alt_names.extend(uri.transpose()?);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let number = fs::read_dir(guarded.file("."))?.count();
        let (cert, secret) = (format!("{number}.crt"), format!("{number}.key"));
        fs::write(guarded.file(&cert), certificate.pem())?;
        fs::write(guarded.file(&secret), key.serialize_pem())?;
        Ok([
            format!("--cert-file={}", guarded.file(&cert).display()),
            format!("--key-file={}", guarded.file(&secret).display()),
        ])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admit_client_certificates_follow_the_authority_while_it_is_exchanged() -> Result<()> {
    const WIDE: &str = "spiffe://remote.example/agents/wide";
    let identities = json!([
        {"subject": WIDE, "namespaces": [], "clusterScope": true},
        {"subject": "shop-agent", "namespaces": ["join-cert"]},
    ]);
    let rows = [row(REMOTE, &json!({"identities": identities}))];
    let first = Authority::new()?;
    let settings = json!({"clusters": rows});
    let guarded = Guarded::start_with(&settings, Some(&first.pem)).await?;
    let remote = Cluster::shared().await?.called(REMOTE);
    open_shop(&remote, "join-cert").await?;
    let wide = first.names(&guarded, "whoever", Some(WIDE))?;
    let shop = first.names(&guarded, "shop-agent", None)?;
    let namespace = "--namespace=join-cert";
    for (who, dials, coverage, why) in [
        // Somebody whom no row names, in the common name or in a URI that hides it.
        (
            first.names(&guarded, "other", None)?,
            REMOTE,
            namespace,
            "may not",
        ),
        (
            first.names(&guarded, "shop-agent", Some("x://other"))?,
            CLUSTER,
            namespace,
            "may not",
        ),
        // Rows of one cluster are for no other, and for no more than they say.
        (shop.clone(), CLUSTER, namespace, "may not"),
        (shop.clone(), REMOTE, "--cluster-scope", "may not"),
        (wide.clone(), REMOTE, namespace, "may not"),
    ] {
        let cluster = remote.clone().called(dials);
        refused(&guarded.agent_of(&cluster, &who, coverage)?, why).await?;
    }
    let _wide = guarded.agent_of(&remote, &wide, "--cluster-scope")?;
    let agent = guarded.agent_of(&remote, &shop, namespace)?;
    served(&guarded, "join-cert").await?;

    // Another authority: its certificates are taken from now on, and those of the first no more.
    let second = Authority::new()?;
    let renewed = second.names(&guarded, "shop-agent", None)?;
    let again = guarded.agent_of(&remote, &renewed, namespace)?;
    says(&guarded, REFUSED, 1).await?;
    fs::write(guarded.file("client-ca.pem"), &second.pem)?;
    guarded.hang_up()?;
    says(&guarded, "identity=shop-agent", 2).await?;
    for agent in [agent, again] {
        agent.kill().await?;
    }
    let before = count(&guarded, REFUSED)?;
    let _former = guarded.agent_of(&remote, &shop, namespace)?;
    says(&guarded, REFUSED, before + 1).await?;
    ensure!(
        count(&guarded, "identity=shop-agent")? == 2,
        "{}",
        guarded.words()?
    );
    Ok(())
}

/// How the translator tells that it does not take a certificate.
const REFUSED: &str = "a TLS handshake was refused";

/// How often the translator's log has this.
fn count(guarded: &Guarded, what: &str) -> Result<usize> {
    Ok(guarded.words()?.matches(what).count())
}

/// Waits until the translator's log has this so often.
async fn says(guarded: &Guarded, what: &str, times: usize) -> Result<()> {
    until(&format!("the translator says `{what}`"), async || {
        Ok((count(guarded, what)? >= times).then_some(()))
    })
    .await
}
