#include "rotation/audit.hpp"

namespace rekey::rotation {

std::string_view to_string(AuditEvent event) {
    switch (event) {
    case AuditEvent::start:
        return "start";
    case AuditEvent::fetch:
        return "fetch";
    case AuditEvent::verify:
        return "verify";
    case AuditEvent::stage:
        return "stage";
    case AuditEvent::alter:
        return "alter";
    case AuditEvent::test:
        return "test";
    case AuditEvent::promote:
        return "promote";
    case AuditEvent::publish:
        return "publish";
    case AuditEvent::replace:
        return "replace";
    case AuditEvent::hold:
        return "hold";
    case AuditEvent::rollback:
        return "rollback";
    case AuditEvent::prove:
        return "prove";
    case AuditEvent::revoke:
        return "revoke";
    case AuditEvent::recover:
        return "recover";
    case AuditEvent::done:
        return "done";
    }
    return "?";
}

} // namespace rekey::rotation
