#include "rotation/rotation_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace rekey::rotation {
namespace {

using namespace std::chrono_literals;

ReplaceView full_pool(std::uint32_t idle, std::uint32_t busy) {
    ReplaceView view;
    view.size = idle + busy;
    view.surge = 1;
    view.idle_old = idle;
    view.busy_old = busy;
    view.gap = 50ms;
    view.now = Clock::time_point{} + 1h;
    return view;
}

// A pool that follows the answers, with logins that succeed at once unless told otherwise.
struct Pool {
    ReplaceView view;
    std::uint32_t most = 0, least = UINT32_MAX, opens = 0, closed_first = 0;

    std::uint32_t open() const {
        return view.idle_old + view.busy_old + view.pinned_old + view.fresh + view.connecting;
    }
    void note() {
        most = std::max(most, open());
        least = std::min(least, open() - view.connecting);
    }
    void begin_open() {
        view.tally.opening();
        view.last_open = view.now;
        ++view.connecting;
        ++opens;
        note();
    }
    void finish_open() {
        view.tally.opened();
        --view.connecting;
        ++view.fresh;
        note();
    }
    void refuse_slot() {
        view.tally.open_failed(true);
        --view.connecting;
        note();
    }
    void close_idle() {
        closed_first += view.tally.balance() == 0 ? 1 : 0;
        --view.idle_old;
        view.tally.old_gone();
        note();
    }
    // A busy old backend reaches its safe point.
    void release() {
        --view.busy_old;
        if (next_step(view).release_budget > 0) {
            closed_first += view.tally.balance() == 0 ? 1 : 0;
            view.tally.old_gone();
        } else {
            ++view.idle_old;
        }
        note();
    }
    // Follows the plan until it waits for an event; logins succeed.
    ReplaceAction run() {
        for (;;) {
            const ReplaceStep step = next_step(view);
            switch (step.action) {
            case ReplaceAction::open_one:
                begin_open();
                finish_open();
                break;
            case ReplaceAction::retire_idle_old:
            case ReplaceAction::retire_one_first:
                close_idle();
                break;
            case ReplaceAction::finished:
                return step.action;
            case ReplaceAction::wait:
                if (!step.until) {
                    return step.action;
                }
                view.now = *step.until;
                break;
            }
        }
    }
};

TEST(ReplaceGap, IsTheWindowSharedByTheBackends) { EXPECT_EQ(replace_gap(1s, 20), 50ms); }

TEST(ReplaceGap, IsNeverShorterThanTenMilliseconds) {
    EXPECT_EQ(replace_gap(1s, 1000), 10ms);
    EXPECT_EQ(replace_gap(0s, 3), 10ms);
}

TEST(ReplaceGap, OfNoBackendsIsTheWindow) { EXPECT_EQ(replace_gap(1s, 0), 1s); }

TEST(RotationPlan, IsFinishedWhenThereIsNothingOld) {
    EXPECT_EQ(next_step(full_pool(0, 0)).action, ReplaceAction::finished);
}

TEST(RotationPlan, OpensBeforeItRetires) {
    Pool pool{full_pool(3, 0)};
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::open_one);
    EXPECT_EQ(next_step(pool.view).release_budget, 0u);
    pool.begin_open();
    EXPECT_EQ(next_step(pool.view).action, ReplaceAction::wait);
    pool.finish_open();
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
    EXPECT_EQ(pool.view.now - start, 19 * 50ms);
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

// Whatever happens in whatever order, the limits hold and the pool ends up new.
TEST(RotationPlan, KeepsItsLimitsUnderEverySequenceOfEvents) {
    for (std::uint32_t seed = 0; seed < 500; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        Pool pool{full_pool(below(6), below(6))};
        const std::uint32_t size = pool.view.size;
        const std::uint32_t surge = pool.view.surge = below(3);
        std::uint32_t self_gone = 0, prior_minimum = size;
        for (int events = 0; events < 2000 && next_step(pool.view).action != ReplaceAction::finished; ++events) {
            pool.view.now += 20ms;
            const ReplaceStep step = next_step(pool.view);
            if (step.action == ReplaceAction::open_one) {
                pool.begin_open();
            } else if (step.action != ReplaceAction::wait) {
                ASSERT_GT(pool.view.idle_old, 0u);
                pool.close_idle();
            }
            switch (below(8)) {
            case 0:
                if (pool.view.busy_old > 0) {
                    pool.release();
                }
                break;
            case 1:
                if (pool.view.idle_old > 0) {
                    --pool.view.idle_old;
                    ++pool.view.busy_old;
                }
                break;
            case 2:
                if (pool.view.connecting > 0) {
                    pool.view.tally.open_failed(below(2) == 0);
                    --pool.view.connecting;
                }
                break;
            case 3:
                if (pool.view.busy_old > 0 && below(4) == 0) {
                    --pool.view.busy_old;
                    pool.view.tally.old_gone();
                    ++self_gone;
                }
                break;
            default:
                if (pool.view.connecting > 0) {
                    pool.finish_open();
                }
            }
            ASSERT_LE(pool.open(), size + surge) << "seed " << seed;
            ASSERT_GE(pool.open() - pool.view.connecting + 1 + self_gone, prior_minimum) << "seed " << seed;
            ASSERT_GE(pool.view.tally.balance(), -1);
        }
        ASSERT_EQ(next_step(pool.view).action, ReplaceAction::finished) << "seed " << seed;
        ASSERT_LE(pool.open(), size) << "seed " << seed << ": nothing is left over";
    }
}

} // namespace
} // namespace rekey::rotation
