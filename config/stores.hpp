// What sources need to know of the stores that keep secrets, as plain data; a part of config/config.hpp.
#pragma once

#include "protocol/common/secret.hpp"

#include <memory>
#include <string>
#include <vector>

namespace rekey::config {

// What a configuration (properties, yaml, json) or a file is written in.
enum class DocumentFormat { automatic, properties, yaml, json, password, pgpass, my_cnf };
enum class NacosApi { automatic, v1, v2, v3 };
enum class AliyunSignature { acs3, rpc };
enum class AzureIdentity { automatic, managed, workload, client_secret };

// A secret that is read for every use where it stands in a file, because somebody else renews it there.
struct SecretReference {
    std::string file; // absolute; empty: `value`
    protocol::Secret value;
    bool given() const { return !file.empty() || !value.empty(); }
};

// How a secret calls what it says of where the database is; a key that it does not have turns that off. `url` is empty
// unless it was named: what applications are configured by holds their own URL, which may well be Rekey's.
struct EndpointFields {
    std::string host = "host", port = "port", database = "dbname", url;
};

// Where a secret's text has its parts: the name of a member of a JSON object, or with a slash before it a JSON pointer.
struct SecretShape {
    std::string username = "username", password = "password";
    std::string version, expiration; // empty: it has none
    std::string user;                // whose a password is that stands alone; empty: nobody's
    EndpointFields endpoint{};
};

// A key of a RAM user or of a session at Alibaba Cloud.
struct AccessKey {
    std::string id; // empty, and no file: there is none
    SecretReference secret, token;
    std::string file; // of JSON with all of it; absolute path
    bool given() const { return !id.empty() || !file.empty(); }
};

// Alibaba Cloud's KMS: the shared gateway of a region or an instance's with RAM keys, or an instance's with a client
// key.
struct AliyunKms {
    std::string secret;   // its name
    std::string endpoint; // https://host
    std::string ca;       // absolute path; empty: the system's
    AliyunSignature signature = AliyunSignature::acs3;
    AccessKey access_key;   // none: found out when asking
    std::string ram_role;   // of the instance; then nothing else is tried
    std::string metadata;   // http://host, of the instance
    std::string client_key; // absolute path; empty: RAM keys
    SecretReference client_key_password;
    std::string user; // whose password a secret is that names nobody
    std::string username_field, password_field;
    EndpointFields endpoint_fields;
};

// Nacos, and MSE, which is Alibaba Cloud's.
struct Nacos {
    std::vector<std::string> addresses; // http(s)://host:port, with the path of the context unless that is /nacos
    bool allow_http = false;            // also where others could listen
    std::string name_space;             // its id; empty: the public one
    std::string group, data_id;
    NacosApi api = NacosApi::automatic;
    DocumentFormat format = DocumentFormat::automatic;
    std::string username_field, password_field; // dotted; empty: see rotation/sources/keyed_document.hpp
    EndpointFields endpoint_fields;             // dotted; empty unless they were named
    std::string ca, certificate, key;           // absolute paths; empty: none
    std::string server_name;
    std::string username; // who logs in; empty: nobody
    SecretReference password;
    AccessKey access_key;                 // who signs; none: nobody
    std::string region, product;          // for signatures of version 4, where there is a region
    std::shared_ptr<const AliyunKms> kms; // how a data id that begins with cipher- is decrypted; null: there is none
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

// Which line of a .pgpass file is meant: the first that matches. What is empty matches every line.
struct PassfileQuery {
    std::string host, port, database;
};

} // namespace rekey::config
