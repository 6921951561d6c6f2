// The passwords that rotation sets.
#pragma once

#include "rotation/ports.hpp"

namespace rekey::rotation {

// 32 characters, uniform over all texts of A-Z, a-z, 0-9 that hold one of each class (password policies ask for it);
// nothing in it needs escaping anywhere. Drawn from Environment, so that the simulation can replay it.
protocol::Secret make_password(Environment& environment);

} // namespace rekey::rotation
