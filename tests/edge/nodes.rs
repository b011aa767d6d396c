//! Two processes on one PostgreSQL, here as two servers in one test: what is changed through one counts at the very
//! next request to the other (section 3 of the issue, trust.md S7, S8).

use kalends::{
    accounts::{Cost, Secret},
    app::{parts::Turned, serve},
    calendar::CollectionPath,
};
use store::{FeedScope, Hold};

use crate::support::{
    client::Client,
    database,
    server::{Server, config, password},
};

async fn knock(client: &Client) -> u16 {
    client.ask("PROPFIND", "/dav/", &[("Depth", "0")], "").await.status
}

#[tokio::test]
async fn s7_s8_a_change_through_one_node_counts_at_once_at_the_other() {
    let Some(fresh) = database::postgres() else { return };
    let one = Server::over(fresh, |_| ()).await;
    let turned = Turned { clock: one.clock.clone(), cost: Some(Cost::LOWEST) };
    let two = serve::start(config(one.fresh()), turned).await.unwrap();
    one.user("ada").await;
    let accounts = &one.parts().accounts;
    let who = accounts.operator("ada").await.unwrap();

    let main = Client::new(two.address()).login("ada", &password("ada"));
    assert_eq!(knock(&main).await, 207);
    accounts.set_password(&who, &Secret::new("another")).await.unwrap();
    assert_eq!(knock(&main).await, 401);
    assert_eq!(knock(&Client::new(two.address()).login("ada", "another")).await, 207);

    for _ in 0..20 {
        let (id, secret) = accounts.add_app_password(&who, "phone").await.unwrap();
        let phone = Client::new(two.address()).login("ada", secret.expose());
        assert_eq!(knock(&phone).await, 207);
        accounts.revoke_app_password(&who, id).await.unwrap();
        assert_eq!(knock(&phone).await, 401);
    }

    let of = one.parts().calendars.collection(&who, &CollectionPath::new("ada", "default")).await;
    let of = of.unwrap().row().id;
    for _ in 0..20 {
        let (id, secret) = accounts.add_feed(&who, of, FeedScope::Full, "test").await.unwrap();
        let path = format!("/feeds/{}.ics", secret.expose());
        assert_eq!(Client::new(two.address()).get(&path).await.status, 200);
        accounts.revoke_feed(&who, of, id).await.unwrap();
        assert_eq!(Client::new(two.address()).get(&path).await.status, 404);
    }

    assert!(one.parts().store.lock(Hold::Alone).await.is_err(), "restore and migrate wait for both");
    two.stop().await.unwrap();
    one.stop().await;
}
