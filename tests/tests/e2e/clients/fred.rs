//! The Rust client `fred`, unmodified, which takes the front door for one Redis.

use std::collections::HashMap;
use std::future::Future;

use ::fred::clients::SubscriberClient;
use ::fred::prelude::*;
use ::fred::types::RespVersion;
use ::fred::types::scripts::Script;
use reddoor_tests::cluster::{self, Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::PATIENCE;
use tokio::time::timeout;

over_clusters!(real | bundled: fred_pipelines_and_transacts, fred_scans_every_key, fred_waits_for_elements,
    fred_publishes_and_subscribes, fred_runs_scripts);

/// How a client is told to speak.
fn builder(door: &FrontDoor, version: RespVersion) -> Builder {
    let server = ServerConfig::new_centralized(door.addr.ip().to_string(), door.addr.port());
    let config = Config { server, version, ..Config::default() };
    let mut builder = Builder::from_config(config);
    builder.with_connection_config(|connection| connection.internal_command_timeout = PATIENCE);
    builder.with_performance_config(|performance| performance.default_command_timeout = PATIENCE);
    builder
}

/// Runs a test of a connected client in each protocol version.
fn run<F: Future<Output = Result<(), Error>>>(kind: Kind, test: fn(Client, Builder) -> F) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for version in [RespVersion::RESP2, RespVersion::RESP3] {
        let builder = builder(&door, version);
        let client = builder.build().unwrap();
        runtime.block_on(async {
            client.init().await.unwrap();
            test(client.clone(), builder).await.unwrap();
            client.quit().await.unwrap();
        });
    }
}

fn fred_pipelines_and_transacts(kind: Kind) {
    run(kind, |client, _| async move {
        let pairs: HashMap<String, i64> = (0..100).map(|n| (format!("fred:{n}"), n)).collect();
        let keys: Vec<String> = pairs.keys().cloned().collect();
        client.mset(pairs.clone()).await?;
        let pipeline = client.pipeline();
        for key in &keys {
            pipeline.incr::<(), _>(key).await?;
        }
        let values: Vec<i64> = pipeline.all().await?;
        assert_eq!(values, keys.iter().map(|key| pairs[key] + 1).collect::<Vec<_>>());
        assert_eq!(client.mget::<Vec<i64>, _>(keys.clone()).await?, values);
        assert_eq!(client.del::<i64, _>(keys).await?, 100);

        let transaction = client.multi();
        transaction.set::<(), _, _>("{fred}t", 7, None, None, false).await?;
        transaction.incr_by::<(), _>("{fred}t", 3).await?;
        transaction.rpush::<(), _, _>("{fred}l", vec!["a", "b"]).await?;
        let results: (String, i64, i64) = transaction.exec(true).await?;
        assert_eq!(results, ("OK".to_owned(), 10, 2));
        client.del::<(), _>(vec!["{fred}t", "{fred}l"]).await?;

        let refused = client.multi();
        refused.incr::<(), _>("fred:a").await?;
        refused.incr::<(), _>("fred:b").await?;
        let error = refused.exec::<Value>(true).await.unwrap_err();
        assert!(error.details().contains("CROSSSLOT"), "{error:?}");
        Ok(())
    });
}

fn fred_scans_every_key(kind: Kind) {
    run(kind, |client, _| async move {
        let mut keys = cluster::keys("fred-scan", 300);
        for key in &keys {
            client.set::<(), _, _>(key, 1, None, None, false).await?;
        }
        let (mut cursor, mut found) = ("0".to_owned(), Vec::new());
        loop {
            let (next, page): (String, Vec<String>) =
                client.scan_page(cursor, "fred-scan:*", Some(50), None).await?;
            found.extend(page);
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
        keys.sort();
        found.sort();
        assert_eq!(found, keys);
        client.del::<(), _>(keys).await
    });
}

fn fred_waits_for_elements(kind: Kind) {
    run(kind, |client, builder| async move {
        let waiting = builder.build()?;
        waiting.init().await?;
        let waiter = waiting.clone();
        let pop = tokio::spawn(async move {
            waiter.blpop::<(String, i64), _>("fred-queue", PATIENCE.as_secs_f64()).await
        });
        client.rpush::<(), _, _>("fred-queue", 5).await?;
        let popped = pop.await.unwrap()?;
        assert_eq!(popped, ("fred-queue".to_owned(), 5));
        // The null that ends a wait is an error to this library.
        let nothing = waiting.blpop::<(String, i64), _>("fred-queue", 0.01).await.unwrap_err();
        assert_eq!(*nothing.kind(), ErrorKind::Timeout);
        waiting.quit().await
    });
}

fn fred_publishes_and_subscribes(kind: Kind) {
    run(kind, |client, builder| async move {
        let subscriber: SubscriberClient = builder.build_subscriber_client()?;
        subscriber.init().await?;
        let mut messages = subscriber.message_rx();
        subscriber.subscribe("fred-news").await?;
        subscriber.psubscribe("fred-weather.*").await?;
        for (channel, text) in [("fred-news", "one"), ("fred-weather.west", "rain")] {
            publish_until_heard(&client, channel, text, 1).await;
            let message = timeout(PATIENCE, messages.recv()).await.unwrap().unwrap();
            assert_eq!(message.channel, channel);
            assert_eq!(message.value.as_string().as_deref(), Some(text));
        }
        subscriber.unsubscribe("fred-news").await?;
        publish_until_heard(&client, "fred-news", "two", 0).await;
        subscriber.quit().await
    });
}

/// Publishes until so many clients hear of it, for the library does not wait until a subscription is confirmed.
async fn publish_until_heard(client: &Client, channel: &str, text: &str, listeners: i64) {
    let heard =
        async { while client.publish::<i64, _, _>(channel, text).await.unwrap() != listeners {} };
    timeout(PATIENCE, heard).await.unwrap();
}

fn fred_runs_scripts(kind: Kind) {
    run(kind, |client, _| async move {
        let script = Script::from_lua("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}");
        client.script_flush(false).await?;
        for expect in 1..3 {
            let keys = vec!["{fred}script"];
            let result: (String, i64, i64) =
                client.eval("return {KEYS[1], ARGV[1], 0}", keys.clone(), vec![9]).await?;
            assert_eq!(result, ("{fred}script".to_owned(), 9, 0));
            let result: (String, i64, i64) =
                script.evalsha_with_reload(&client, keys, vec![8]).await?;
            assert_eq!(result, ("{fred}script".to_owned(), 8, expect));
        }
        client.del::<(), _>("{fred}script").await
    });
}
