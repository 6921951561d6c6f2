// What sources need to know of the stores that keep secrets, as plain data; a part of config/config.hpp.
#pragma once

#include "protocol/common/secret.hpp"

#include <string>
#include <vector>

namespace rekey::config {

enum class FileFormat { automatic, password, pgpass, my_cnf };
enum class AzureIdentity { automatic, managed, workload, client_secret };

// A secret that is read for every use where it stands in a file, because somebody else renews it there.
struct SecretReference {
    std::string file; // absolute; empty: `value`
    protocol::Secret value;
    bool given() const { return !file.empty() || !value.empty(); }
};

// Where a secret's text has its parts: the name of a member of a JSON object, or with a slash before it a JSON pointer.
struct SecretShape {
    std::string username = "username", password = "password";
    std::string version, expiration; // empty: it has none
    std::string user;                // whose a password is that stands alone; empty: nobody's
};

struct HttpHeader {
    std::string name, prefix; // the prefix stands before the value: `Bearer `
    SecretReference value;
};

// Whatever answers a request with a JSON object.
struct HttpStore {
    std::string url, method; // http(s)://host:port/path?query
    std::vector<HttpHeader> headers;
    SecretReference body;
    std::string ca, certificate, key; // absolute paths; empty: none
    std::string server_name;
    SecretShape shape;
};

// Google Cloud's Secret Manager.
struct Gcp {
    std::string secret;           // a name, or projects/P/secrets/S, also with locations/L between them
    std::string project;          // empty: the key file's, or it is in `secret`
    std::string location;         // of a regional secret; empty: global
    std::string version;          // a number, an alias or `latest`
    std::string endpoint;         // https://host; empty: Google's
    std::string ca;               // absolute path; empty: the system's
    std::string credentials_file; // a service account's key; absolute; empty: the metadata server is asked
    std::string metadata_host;    // host, host:port
    SecretShape shape;
};

// Azure's Key Vault.
struct Azure {
    std::string address; // https://NAME.vault.azure.net
    std::string secret;
    std::string version;                             // empty: the latest
    AzureIdentity identity = AzureIdentity::managed; // never automatic
    std::string authority, tenant;                   // where tokens come from, but for managed identities
    std::string client_id;                           // empty: the machine's own identity
    SecretReference proof;                           // the client secret, or the federated token
    std::string identity_endpoint;                   // of managed identities
    protocol::Secret identity_header;                // which App Service wants to see; empty: a virtual machine
    std::string ca;                                  // absolute path; empty: the system's
    SecretShape shape;
};

// Which line of a .pgpass file is meant: the first that matches. What is empty matches every line.
struct PassfileQuery {
    std::string host, port, database;
};

} // namespace rekey::config
