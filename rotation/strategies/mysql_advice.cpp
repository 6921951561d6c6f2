// What an administrator can do about MySQL's and MariaDB's errors (MySQL manual, "Server Error Message Reference";
// MariaDB shares the numbers up to 1899).
#include "rotation/strategies/mysql_statements.hpp"

namespace rekey::rotation::mysql {

std::string advice_on(const StatementResult& failure, std::string_view rights) {
    switch (failure.error) {
    case 1044: // ER_DBACCESS_DENIED_ERROR
    case 1142: // ER_TABLEACCESS_DENIED_ERROR
    case 1143: // ER_COLUMNACCESS_DENIED_ERROR
    case 1227: // ER_SPECIFIC_ACCESS_DENIED_ERROR
    case 1370: // ER_PROCACCESS_DENIED_ERROR
    case 1698: // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
        return "it needs " + std::string(rights);
    case 1064: // ER_PARSE_ERROR
        return "the strategies need MySQL 8.0.14 or MariaDB 10.4, or newer";
    case 1133: // ER_PASSWORD_NO_MATCH
    case 1396: // ER_CANNOT_USER
        return "the account does not exist any more, its authentication plugin is not loaded, or a password validation "
               "plugin takes no hash (strict_password_validation)";
    case 1524: // ER_PLUGIN_IS_NOT_LOADED
        return "the authentication plugin of the account is not loaded at the server";
    case 1205: // ER_LOCK_WAIT_TIMEOUT
    case 1969: // ER_STATEMENT_TIMEOUT (MariaDB)
        return "somebody, perhaps a backup, holds a lock on the account tables";
    case 1690: // ER_DATA_OUT_OF_RANGE, see under_lock()
        return "another rotation of this account is under way, in another session";
    case 1290: // ER_OPTION_PREVENTS_STATEMENT
    case 1836: // ER_READ_ONLY_MODE
        return "the server is read-only: is it the primary?";
    case 1372: // ER_PASSWD_LENGTH
    case 1827: // ER_PASSWORD_FORMAT
        return "the server does not take this kind of hash for the account's plugin";
    case 1819: // ER_NOT_VALID_PASSWORD
        return "the server's password policy refuses it";
    case 3638: // ER_CREDENTIALS_CONTRADICT_TO_HISTORY
        return "the server's password history refuses it";
    case 3894: // ER_PASSWORD_CANNOT_BE_RETAINED_ON_PLUGIN_CHANGE
        return "the account's plugin was changed meanwhile; it is read again at the next try";
    case 3895: // ER_CURRENT_PASSWORD_CANNOT_BE_RETAINED
        return "the account has no password that could be kept";
    case 1820: // ER_MUST_CHANGE_PASSWORD
    case 1862: // ER_MUST_CHANGE_PASSWORD_LOGIN
        return "its own password has expired";
    default:
        return {};
    }
}

} // namespace rekey::rotation::mysql
