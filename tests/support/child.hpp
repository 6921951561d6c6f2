// A process that a test kills at a moment of its choice, as a crash would.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>

namespace rekey::tests {

class Child {
  public:
    // Runs `work` in a process of its own; it writes a byte to the descriptor for every step it has done.
    explicit Child(const std::function<void(int)>& work) {
        int ends[2];
        if (::pipe(ends) != 0)
            return;
        id_ = ::fork();
        if (id_ == 0) {
            ::close(ends[0]);
            work(ends[1]);
            ::_exit(1);
        }
        ::close(ends[1]);
        steps_ = ends[0];
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        end();
        ::close(steps_);
    }

    // Kills it (SIGKILL) somewhere in the work after so many steps; `turns` moves the moment within it. False: it
    // ended by itself before.
    bool kill_after(unsigned long steps, unsigned long turns) {
        char byte = 0;
        for (; steps > 0; --steps)
            if (::read(steps_, &byte, 1) != 1)
                return false;
        for (std::atomic<unsigned long> turn = 0; turn < turns; ++turn) {
        }
        return end();
    }

  private:
    bool end() {
        if (id_ <= 0)
            return false;
        int status = 0;
        ::kill(id_, SIGKILL);
        ::waitpid(id_, &status, 0);
        id_ = -1;
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }

    pid_t id_ = -1;
    int steps_ = -1;
};

} // namespace rekey::tests
