//! What belongs to a series is read by as many statements, however much it is (features.md 84).

use kalends::clinic::Ground;

use super::series::{series, starts, weekly};
use super::world::{DAY, everywhere};

#[tokio::test]
async fn f84_a_hundred_dates_beside_a_series_cost_the_statements_of_one() {
    everywhere(async |world| {
        let id = world.book(weekly(&world, 3)).await.unwrap().id;
        let dates = starts(&world, world.ada).await;
        let add = async |n: i64| {
            let start = dates[0] + DAY + n * 1800;
            let span = (start, start + 900);
            world.clinic.add_date(world.by(), id.clone(), span, None, (None, Ground::Bare)).await.unwrap();
        };
        // The least of a few: other things of the store count as well.
        let cost = async || {
            let mut least = u64::MAX;
            for _ in 0..4 {
                let before = store::trips();
                series(&world, &id).await;
                least = least.min(store::trips() - before);
            }
            least
        };
        add(0).await;
        let one = cost().await;
        for n in 1..100 {
            add(n).await;
        }
        assert_eq!(series(&world, &id).await.counts.additional, 100);
        assert_eq!(cost().await, one);
    })
    .await;
}
