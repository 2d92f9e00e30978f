use matricula_domain::identity::{Code, Role, SecondFactor, SecondFactorError, Seed};
use matricula_ports::{PortError, transact};
use matricula_tests::{TestDatabase, at, at_once, figure, on_both};

on_both!(a_second_factor_is_read_back_as_it_was_saved, of_two_who_show_the_same_code_at_once_one_gets_in);

async fn a_second_factor_is_read_back_as_it_was_saved(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let user = here.user("ana@example.es", Role::Owner).await;
    assert_eq!(here.in_unit(async |tx| tx.second_factors().find(user.id).await).await, None);
    let begun = SecondFactor::begin(user.id, Seed([7; 20]), at(0));
    here.in_unit(async |tx| tx.second_factors().save(&begun).await).await;
    let confirmed = begun.state().confirm(&Seed([7; 20]).code_at(at(0).timestamp() / 30), vec![[1; 32], [2; 32]], at(1)).unwrap();
    here.in_unit(async |tx| tx.second_factors().save(&confirmed).await).await;
    let removed = confirmed.state().remove(at(2)).unwrap();
    assert_eq!(here.in_unit(async |tx| tx.second_factors().find(user.id).await).await.as_ref(), Some(confirmed.state()));
    assert_eq!(there.in_unit(async |tx| tx.second_factors().find(user.id).await).await, None, "they do not work there");
    here.in_unit(async |tx| tx.second_factors().save(&removed).await).await;
    assert_eq!(here.in_unit(async |tx| tx.second_factors().find(user.id).await).await.as_ref(), Some(removed.state()));
    let stale = here.try_in_unit(async |tx| tx.second_factors().save(&confirmed).await).await;
    assert!(matches!(stale, Err(PortError::Stale)), "{stale:?}");
}

/// S8 of the scorecard. `MATRICULA_CODES` says how many codes; 50 where nothing is said.
async fn of_two_who_show_the_same_code_at_once_one_gets_in(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Owner).await;
    let seed = Seed([7; 20]);
    let begun = SecondFactor::begin(user.id, seed, at(0));
    let confirmed = begun.state().confirm(&seed.code_at(at(0).timestamp() / 30), vec![], at(0)).unwrap();
    here.in_unit(async |tx| tx.second_factors().save(&begun).await).await;
    here.in_unit(async |tx| tx.second_factors().save(&confirmed).await).await;
    for n in 1..=i64::try_from(figure("MATRICULA_CODES", 50)).unwrap() {
        let now = at(n * 30);
        let code = seed.code_at(now.timestamp() / 30);
        let outcomes = at_once((0..2).map(|_| {
            let (here, code) = (here.clone(), code.clone());
            async move || {
                transact(&here.db.store, &here.scope, async |tx| {
                    let factor = tx.second_factors().find(user.id).await?.unwrap();
                    match factor.open(Code::OfTheApp(&code), now) {
                        Ok(opened) => tx.second_factors().save(&opened).await.map(|()| true),
                        Err(SecondFactorError::WrongCode) => Ok(false),
                        Err(other) => panic!("{other:?}"),
                    }
                })
                .await
            }
        }))
        .await;
        let opened = outcomes.iter().filter(|outcome| matches!(outcome, Ok(true))).count();
        assert_eq!(opened, 1, "{outcomes:?}");
    }
}
