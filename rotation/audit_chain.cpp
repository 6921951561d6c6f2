#include "rotation/audit_chain.hpp"

#include "protocol/common/assert.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace rekey::rotation {

namespace {

constexpr std::size_t head_size = 20 + 1 + 64 + 1; // count, space, hash, newline

std::string plural(std::uint64_t count, std::string_view thing) {
    return std::to_string(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

} // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    REKEY_ASSERT(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::add(std::string_view bytes) {
    REKEY_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    REKEY_ASSERT(EVP_DigestFinal_ex(context_.get(), digest, &size) == 1);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        text += "0123456789abcdef"[digest[i] >> 4];
        text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
}

std::string Sha256::hex_of(std::string_view bytes) {
    Sha256 hash;
    hash.add(bytes);
    return hash.hex();
}

std::string audit_genesis() {
    return std::string(64, '0');
}

std::string encode_audit_head(const AuditHead& head) {
    char count[32];
    std::snprintf(count, sizeof count, "%020llu ", static_cast<unsigned long long>(head.records));
    return count + head.hash + "\n";
}

std::optional<AuditHead> decode_audit_head(std::string_view text) {
    if (text.size() != head_size || text[20] != ' ' || text.back() != '\n')
        return std::nullopt;
    AuditHead head;
    auto [end, error] = std::from_chars(text.data(), text.data() + 20, head.records);
    head.hash = text.substr(21, 64);
    if (error != std::errc() || end != text.data() + 20 ||
        head.hash.find_first_not_of("0123456789abcdef") != std::string::npos)
        return std::nullopt;
    return head;
}

void AuditChain::add(std::string_view line) {
    ++lines_;
    if (lines_ == 1 && head_ && head_->records == 0)
        head_found_ = head_->hash == audit_genesis();
    if (auto record = decode_audit_line(line))
        return add_record(std::move(*record));
    if (torn_bytes_ == 0) {
        torn_line_ = lines_;
        torn_ = Sha256();
    } else {
        torn_.add("\n");
    }
    torn_.add(line);
    torn_bytes_ += line.size() + 1;
}

void AuditChain::add_record(AuditLine line) {
    if (torn_bytes_ > 0) {
        // Only a note that names just these bytes accounts for them.
        bool accounted = line.note == audit_torn_line && line.torn_sha256 == torn_.hex();
        if (accounted)
            notes_ += "line " + std::to_string(torn_line_) + " was cut short by a crash and is accounted for; ";
        else
            bad(torn_line_, "altered, inserted, or not a record");
        torn_bytes_ = 0;
    } else if (line.note == audit_torn_line) {
        bad(lines_, "accounts for a cut line that is not there");
    }
    if (line.previous != end_.hash)
        bad(lines_, end_.records == 0 ? "lines before it are missing" : "does not follow the record before it");
    end_.hash = line.hash;
    ++end_.records;
    if (head_ && head_->records == end_.records)
        head_found_ = head_->hash == end_.hash;
    add_note(line);
}

void AuditChain::add_note(const AuditLine& line) {
    if (line.note == audit_log_damaged) {
        noted_line_ = noted_line_ == 0 ? lines_ : noted_line_;
        noted_ = line.reason;
    }
    if (line.note == audit_records_lost)
        notes_ += line.count + " record(s) before line " + std::to_string(lines_) + " could not be written; ";
}

void AuditChain::bad(std::uint64_t line, std::string reason) {
    if (bad_line_ != 0)
        return;
    bad_line_ = line;
    reason_ = std::move(reason);
}

std::string AuditChain::judge_head(const std::optional<AuditHead>& head_afterwards) const {
    if (!head_)
        return "the head file is missing or damaged, so lines may be missing at the end";
    if (head_->records > end_.records)
        return plural(head_->records, "record") + " were written, " + std::to_string(end_.records) +
               " are left: lines were removed at the end";
    bool found = head_found_ || (head_->records == 0 && head_->hash == audit_genesis());
    if (!found)
        return "record " + std::to_string(head_->records) + " is not the one that the head file names";
    auto known = head_afterwards ? std::max(head_->records, head_afterwards->records) : head_->records;
    if (end_.records > known + 1) // a crash leaves one at most
        return plural(end_.records - known, "record") + " follow the last one that the head file names";
    return {};
}

AuditVerdict AuditChain::verdict(const std::optional<AuditHead>& head_afterwards, bool ends_whole) const {
    AuditVerdict verdict;
    verdict.lines = lines_;
    auto fail = [&verdict](std::uint64_t line, std::string reason) {
        verdict.bad_line = line;
        verdict.reason = std::move(reason);
        return verdict;
    };
    if (bad_line_ != 0)
        return fail(bad_line_, reason_);
    // The start of a line at the very end is what a crash leaves, until the next record accounts for it. Whether
    // records are missing instead, the head tells.
    const bool cut_short = !ends_whole && torn_line_ == lines_ && torn_bytes_ <= audit_longest_line;
    if (torn_bytes_ > 0 && !cut_short)
        return fail(torn_line_, "incomplete, altered, or not a record");
    if (noted_line_ != 0)
        return fail(noted_line_, "Rekey noted earlier damage: " + noted_);
    if (auto reason = judge_head(head_afterwards); !reason.empty())
        return fail(lines_, std::move(reason));
    verdict.ok = true;
    verdict.reason = notes_.substr(0, notes_.empty() ? 0 : notes_.size() - 2);
    if (torn_bytes_ > 0)
        verdict.reason += (notes_.empty() ? "line " : "; line ") + std::to_string(torn_line_) +
                          " was cut short by a crash; the next record will account for it";
    return verdict;
}

std::string AuditChain::damage() const {
    auto found = bad_line_ != 0 ? "line " + std::to_string(bad_line_) + ": " + reason_ : judge_head(std::nullopt);
    return found == noted_ ? std::string() : found;
}

} // namespace rekey::rotation
