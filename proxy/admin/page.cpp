#include "proxy/admin/page.hpp"

namespace rekey::proxy::admin {

std::string_view page_html() { return "<!doctype html><title>Rekey</title>"; }

} // namespace rekey::proxy::admin
