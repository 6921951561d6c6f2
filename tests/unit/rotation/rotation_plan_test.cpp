#include "tests/unit/rotation/replace_pool.hpp"

#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

using Pool = ReplacePool;

TEST(ReplaceGap, IsTheWindowSharedByTheBackends) { EXPECT_EQ(replace_gap(1s, 20), 50ms); }

TEST(ReplaceGap, IsNeverShorterThanTenMilliseconds) {
    EXPECT_EQ(replace_gap(1s, 1000), 10ms);
    EXPECT_EQ(replace_gap(0s, 3), 10ms);
}

TEST(ReplaceGap, OfNoBackendsIsTheWindow) { EXPECT_EQ(replace_gap(1s, 0), 1s); }

TEST(RotationPlan, IsFinishedWhenThereIsNothingOld) {
    EXPECT_EQ(next_step(full_pool(0, 0)).action, ReplaceAction::finished);
}

TEST(RotationPlan, OpensBeforeItRetiresHalfAGapLater) {
    Pool pool{full_pool(3, 0)};
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::open_one);
    EXPECT_EQ(next_step(pool.view).release_budget, 0u);
    pool.begin_open();
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::wait);
    pool.finish_open();
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::wait);
    EXPECT_EQ(next_step(pool.view).release_budget, 0u);
    EXPECT_EQ(next_step(pool.view).until, pool.view.now + 25ms);
    pool.view.now += 25ms;
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::retire_idle_old);
}

TEST(RotationPlan, ReplacesAnIdlePoolOneByOneWithinTheWindow) {
    Pool pool{full_pool(20, 0)};
    const auto start = pool.view.now;
    EXPECT_EQ(pool.run(), ReplaceAction::finished);
    EXPECT_EQ(pool.view.fresh, 20u);
    EXPECT_EQ(pool.opens, 20u);
    EXPECT_EQ(pool.most, 21u);
    EXPECT_EQ(pool.least, 20u);
    EXPECT_EQ(pool.view.now - start, 19 * 50ms + 25ms);
}

TEST(RotationPlan, ABusyPoolGivesUpTheNextReleased) {
    Pool pool{full_pool(0, 3)};
    EXPECT_EQ(pool.run(), ReplaceAction::wait);
    EXPECT_EQ(next_step(pool.view).release_budget, 1u);
    EXPECT_EQ(pool.view.fresh, 1u);
    pool.release();
    EXPECT_EQ(pool.view.busy_old, 2u);
    EXPECT_EQ(pool.view.idle_old, 0u);
    EXPECT_EQ(next_step(pool.view).release_budget, 0u);
}

TEST(RotationPlan, ABusyBackendHoldsUpNoOther) {
    Pool pool{full_pool(4, 1)};
    EXPECT_EQ(pool.run(), ReplaceAction::wait);
    EXPECT_EQ(pool.view.idle_old, 0u);
    EXPECT_EQ(pool.view.busy_old, 1u);
    EXPECT_EQ(pool.view.fresh, 5u);
    pool.release();
    EXPECT_EQ(pool.run(), ReplaceAction::finished);
    EXPECT_EQ(pool.view.fresh, 5u);
}

TEST(RotationPlan, NothingIsOpenedAheadForPinnedBackends) {
    Pool pool{full_pool(2, 0)};
    pool.view.size = 4;
    pool.view.pinned_old = 2;
    EXPECT_EQ(pool.run(), ReplaceAction::wait);
    EXPECT_FALSE(next_step(pool.view).until);
    EXPECT_EQ(pool.view.fresh, 2u);
    EXPECT_EQ(pool.open(), 4u);
}

TEST(RotationPlan, APinnedBackendThatComesFreeIsReplacedLikeAnyOther) {
    Pool pool{full_pool(0, 0)};
    pool.view.size = 1;
    pool.view.pinned_old = 1;
    EXPECT_EQ(pool.run(), ReplaceAction::wait);
    pool.view.pinned_old = 0;
    pool.view.idle_old = 1;
    EXPECT_EQ(pool.run(), ReplaceAction::finished);
    EXPECT_EQ(pool.view.fresh, 1u);
}

TEST(RotationPlan, ABackendThatWasOwedAndGotPinnedGoesWhenItIsReleased) {
    Pool pool{full_pool(0, 1)};
    EXPECT_EQ(pool.run(), ReplaceAction::wait);
    pool.view.busy_old = 0;
    pool.view.pinned_old = 1;
    EXPECT_EQ(next_step(pool.view).release_budget, 1u);
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::wait);
}

TEST(RotationPlan, WhileClientsWaitTheNextLoginGivesWayForHalfAGapAtMost) {
    Pool pool{full_pool(3, 0)};
    const auto began = pool.view.now;
    pool.begin_open();
    pool.finish_open();
    pool.close_idle();
    pool.view.clients_wait = true;
    pool.view.now = began + 50ms;
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::wait);
    EXPECT_EQ(next_step(pool.view).until, began + 75ms);
    pool.view.clients_wait = false;
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::open_one);
    pool.view.clients_wait = true;
    pool.view.now = began + 75ms;
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::open_one);
}

TEST(RotationPlan, WithoutSurgeOneIsRetiredFirst) {
    Pool pool{full_pool(3, 0)};
    pool.view.surge = 0;
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::retire_one_first);
    EXPECT_EQ(pool.run(), ReplaceAction::finished);
    EXPECT_EQ(pool.most, 3u);
    EXPECT_EQ(pool.least, 2u);
    EXPECT_EQ(pool.closed_first, 3u);
    EXPECT_EQ(pool.view.fresh, 3u);
}

TEST(RotationPlan, WithoutSurgeABusyPoolGivesUpTheNextReleased) {
    Pool pool{full_pool(0, 2)};
    pool.view.surge = 0;
    EXPECT_EQ(pool.run(), ReplaceAction::wait);
    EXPECT_EQ(next_step(pool.view).release_budget, 1u);
    pool.release();
    EXPECT_EQ(pool.view.busy_old, 1u);
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::open_one) << "its successor comes at once, without the gap";
}

TEST(RotationPlan, DemandThatFilledThePlaceOfTheOneThatWentFirstCountsAsItsSuccessor) {
    Pool pool{full_pool(2, 0)};
    pool.view.surge = 0;
    pool.close_idle();
    ++pool.view.fresh;
    pool.view.tally.opened_for_demand();
    EXPECT_EQ(pool.view.tally.balance(), 0);
    EXPECT_EQ(pool.run(), ReplaceAction::finished);
    EXPECT_LE(pool.most, 2u);
}

// Else the one opened next would stay on top of the size, owed by nobody.
TEST(RotationPlan, DemandAfterOneWentByItselfLeavesNoSurplus) {
    Pool pool{full_pool(4, 0)};
    pool.view.tally.old_gone();
    --pool.view.idle_old;
    ++pool.view.fresh;
    pool.view.tally.opened_for_demand();
    EXPECT_EQ(pool.run(), ReplaceAction::finished);
    EXPECT_EQ(pool.open(), 4u);
}

TEST(ReplaceTally, DemandMeansNothingWhileTheSuccessorIsBeingOpened) {
    ReplaceTally tally;
    tally.old_gone();
    tally.opening();
    tally.opened_for_demand();
    EXPECT_EQ(tally.balance(), -1);
    tally.opened();
    EXPECT_EQ(tally.balance(), 0);
}

TEST(RotationPlan, WhileDemandFillsThePlaceOfTheOneThatWentFirstNoOtherGoes) {
    Pool pool{full_pool(3, 0)};
    pool.view.surge = 0;
    pool.close_idle();
    ++pool.view.connecting;
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::wait);
    --pool.view.connecting;
    ++pool.view.fresh;
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::retire_one_first);
}

TEST(RotationPlan, ARefusedSlotRetiresOneFirstForThatStepOnly) {
    Pool pool{full_pool(3, 0)};
    pool.begin_open();
    pool.refuse_slot();
    pool.view.now += 1s;
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::retire_one_first);
    pool.close_idle();
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::open_one);
    pool.begin_open();
    pool.finish_open();
    pool.view.now += 1s;
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::open_one) << "the next step tries the surge again";
    EXPECT_EQ(pool.closed_first, 1u);
}

TEST(RotationPlan, ARefusedSlotRetiresOnlyOneEvenIfItsSuccessorIsRefusedToo) {
    Pool pool{full_pool(3, 0)};
    pool.begin_open();
    pool.refuse_slot();
    pool.view.now += 1s;
    pool.close_idle();
    for (int i = 0; i < 5; ++i) {
        pool.view.now += 1s;
        EXPECT_EQ(next_step(pool.view).action, ReplaceAction::open_one);
        pool.begin_open();
        pool.refuse_slot();
    }
    EXPECT_EQ(pool.view.idle_old, 2u);
}

TEST(RotationPlan, AFailedLoginRetiresNothing) {
    Pool pool{full_pool(3, 0)};
    pool.begin_open();
    pool.view.tally.open_failed(false);
    --pool.view.connecting;
    pool.view.not_before = pool.view.now + 5s;
    const ReplaceStep step = next_step(pool.view);
    EXPECT_EQ(step.action, ReplaceAction::wait);
    EXPECT_EQ(step.until, pool.view.now + 5s);
    EXPECT_EQ(step.release_budget, 0u);
}

TEST(RotationPlan, AnOldBackendThatGoesByItselfPaysForTheOneBeingOpened) {
    Pool pool{full_pool(3, 0)};
    pool.begin_open();
    --pool.view.idle_old;
    pool.view.tally.old_gone();
    pool.finish_open();
    EXPECT_EQ(pool.view.tally.balance(), 0);
    EXPECT_NE(next_step(pool.view).action, ReplaceAction::retire_idle_old);
}

TEST(RotationPlan, AnOldBackendThatWentWhileItsSuccessorFailedIsOwedOne) {
    Pool pool{full_pool(3, 0)};
    pool.begin_open();
    --pool.view.idle_old;
    pool.view.tally.old_gone();
    pool.view.tally.open_failed(false);
    --pool.view.connecting;
    EXPECT_EQ(pool.view.tally.balance(), -1);
}

TEST(RotationPlan, AnOldBackendThatGoesByItselfPaysForTheOneAlreadyOpen) {
    Pool pool{full_pool(0, 3)};
    EXPECT_EQ(pool.run(), ReplaceAction::wait);
    --pool.view.busy_old;
    pool.view.tally.old_gone();
    EXPECT_EQ(next_step(pool.view).release_budget, 0u);
    EXPECT_EQ(pool.open(), 3u);
}

TEST(RotationPlan, WaitsForTheGapBetweenTwoLogins) {
    Pool pool{full_pool(3, 0)};
    pool.begin_open();
    pool.finish_open();
    pool.close_idle();
    const ReplaceStep step = next_step(pool.view);
    EXPECT_EQ(step.action, ReplaceAction::wait);
    EXPECT_EQ(step.until, pool.view.now + 50ms);
}

TEST(RotationPlan, BackendsOfSiblingPoolsCountAgainstTheSameLimit) {
    ReplaceView view = full_pool(3, 0);
    view.size = 5;
    view.elsewhere = 3;
    EXPECT_EQ(next_step(view).action, ReplaceAction::wait);
    view.elsewhere = 2;
    EXPECT_EQ(next_step(view).action, ReplaceAction::open_one);
}

TEST(RotationPlan, ASurgeOfTwoOpensTwoBeforeItWaits) {
    Pool pool{full_pool(0, 5)};
    pool.view.surge = 2;
    EXPECT_EQ(pool.run(), ReplaceAction::wait);
    EXPECT_EQ(pool.view.fresh, 2u);
    EXPECT_EQ(next_step(pool.view).release_budget, 2u);
}

TEST(RotationPlan, ASurgeOfTwoOpensOneSuccessorForTheLastOne) {
    Pool pool{full_pool(0, 1)};
    pool.view.surge = 2;
    pool.begin_open();
    pool.view.now += 1s;
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::wait);
}

TEST(RotationPlan, ServerEndsEveryBackendAtOnce) {
    Pool pool{full_pool(10, 10)};
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::open_one);
    for (int i = 0; i < 20; ++i) {
        pool.view.tally.old_gone();
    }
    pool.view.idle_old = pool.view.busy_old = 0;
    EXPECT_EQ(pool.run(), ReplaceAction::finished);
    EXPECT_LE(pool.view.fresh, 1u) << "demand refills the pool, not the replacement";
}

} // namespace
} // namespace rekey::rotation
