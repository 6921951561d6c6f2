#include "tests/unit/rotation/replace_pool.hpp"

#include <gtest/gtest.h>

#include <random>

namespace rekey::rotation {
namespace {

// Whatever happens in whatever order, the limits hold and the pool ends up new.
TEST(RotationPlan, KeepsItsLimitsUnderEverySequenceOfEvents) {
    for (std::uint32_t seed = 0; seed < 500; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        ReplacePool pool{full_pool(below(6), below(6))};
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
