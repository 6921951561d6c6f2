#include "protocol/mysql/compression.hpp"

#include "protocol/common/assert.hpp"
#include "protocol/mysql/packet.hpp"

#include <algorithm>
#include <cstring>

namespace rekey::protocol::mysql {

namespace {

// More than this of one packet is not collected but compressed as it comes; also, what one frame is made of at once.
constexpr std::size_t collect_max = 256 * 1024;
// What is compressed as it comes may grow by it, and has to fit into a frame then, too.
constexpr std::uint32_t stream_max = frame_size_max - 64 * 1024;
constexpr std::size_t kept_capacity_max = 512; // of what an idle client keeps

constexpr std::string_view out_of_order = "compressed packets are out of order";
constexpr std::string_view not_compressed = "a compressed packet cannot be uncompressed";
constexpr std::string_view wrong_size = "a compressed packet has another size than it says";

void store_frame_header(char* out, std::size_t size, std::uint8_t number, std::size_t raw) {
    REKEY_ASSERT(size <= frame_size_max && raw <= frame_size_max);
    store_packet_header(out, static_cast<std::uint32_t>(size), number);
    store_le24(out + packet_header_size, static_cast<std::uint32_t>(raw));
}

} // namespace

void CompressedReader::feed(std::string_view in) {
    if (at_ == held_.size())
        drop_held();
    held_.append(in);
}

void CompressedReader::drop_held() {
    if (held_.capacity() > kept_capacity_max)
        held_ = std::string();
    held_.clear();
    at_ = 0;
}

std::size_t CompressedReader::read(std::span<char> into) {
    REKEY_ASSERT(!into.empty());
    std::size_t size = 0;
    while (size == 0 && failure_.empty()) {
        if (!open()) {
            if (!begin_frame())
                break;
            continue;
        }
        bool input = at_ != held_.size();
        size = decompressor_ ? decompress(into) : copy(into);
        if (size == 0 && !input && open())
            break;
    }
    number_packets(into.first(size));
    if (at_ == held_.size())
        drop_held();
    return size;
}

bool CompressedReader::begin_frame() {
    if (held().size() < frame_header_size)
        return false;
    auto header = read_packet_header(held().data());
    auto raw = load_le24(held().data() + packet_header_size);
    at_ += frame_header_size;
    if (!numbers_.frame_of_client(header.sequence, packet_left_ == 0 && header_size_ == 0 && !continued_)) {
        failure_ = out_of_order;
        return false;
    }
    left_ = header.size;
    raw_left_ = raw;
    drained_ = true;
    if (raw != 0)
        decompressor_ = make_decompressor(algorithm_);
    return true;
}

std::size_t CompressedReader::copy(std::span<char> into) {
    auto piece = held().substr(0, std::min<std::size_t>(left_, into.size()));
    std::memcpy(into.data(), piece.data(), piece.size());
    at_ += piece.size();
    left_ -= static_cast<std::uint32_t>(piece.size());
    return piece.size();
}

std::size_t CompressedReader::decompress(std::span<char> into) {
    auto in = held().substr(0, left_);
    if (in.empty() && drained_) {
        if (left_ == 0)
            failure_ = wrong_size;
        return 0;
    }
    // Room for one byte too many shows a content that is longer than announced.
    auto room = into.first(std::min<std::size_t>(into.size(), raw_left_ + std::size_t{1}));
    auto turn = decompressor_->run(in, room);
    at_ += turn.consumed;
    left_ -= static_cast<std::uint32_t>(turn.consumed);
    drained_ = turn.produced < room.size();
    if (turn.state == Decompressor::State::broken)
        failure_ = not_compressed;
    else if (turn.produced > raw_left_ || (turn.state == Decompressor::State::more && left_ == 0 && drained_))
        failure_ = wrong_size; // too much, or all that was sent is out and it was not the end
    if (!failure_.empty())
        return 0;
    raw_left_ -= static_cast<std::uint32_t>(turn.produced);
    if (turn.state == Decompressor::State::end) {
        decompressor_.reset();
        if (left_ != 0 || raw_left_ != 0) {
            failure_ = wrong_size;
            return 0;
        }
    }
    return turn.produced;
}

void CompressedReader::number_packets(std::span<char> bytes) {
    while (!bytes.empty()) {
        if (packet_left_ != 0) {
            auto size = std::min<std::size_t>(packet_left_, bytes.size());
            packet_left_ -= static_cast<std::uint32_t>(size);
            bytes = bytes.subspan(size);
            continue;
        }
        header_[header_size_++] = bytes.front();
        if (header_size_ == packet_header_size) {
            auto header = read_packet_header(header_);
            bytes.front() = static_cast<char>(numbers_.packet_of_client(header.size, header.sequence, continued_));
            packet_left_ = header.size;
            continued_ = header.continued();
            header_size_ = 0;
        }
        bytes = bytes.subspan(1);
    }
}

void CompressedWriter::write(std::string_view packets, std::string& out) {
    while (!packets.empty()) {
        if (packet_left_ == 0)
            take_header(packets, out);
        else
            take_body(packets, out);
    }
}

void CompressedWriter::take_header(std::string_view& packets, std::string& out) {
    auto piece = packets.substr(0, packet_header_size - header_size_);
    pending_.append(piece);
    packets.remove_prefix(piece.size());
    header_size_ += piece.size();
    if (header_size_ < packet_header_size)
        return;
    header_size_ = 0;
    auto header = read_packet_header(pending_.data() + pending_.size() - packet_header_size);
    if (numbers_.begins_reply(header.sequence))
        send_whole(out); // of the reply before
    numbers_.packet_of_ours(header.sequence);
    packet_left_ = header.size;
    if (packet_left_ == 0)
        packet_ended(out);
}

void CompressedWriter::take_body(std::string_view& packets, std::string& out) {
    auto most = std::min<std::size_t>(packet_left_, stream_ ? frame_left_ : collect_max);
    auto piece = packets.substr(0, most);
    packets.remove_prefix(piece.size());
    packet_left_ -= static_cast<std::uint32_t>(piece.size());
    if (stream_) {
        stream_->append(piece, frame_);
        frame_left_ -= static_cast<std::uint32_t>(piece.size());
        if (frame_left_ == 0)
            end_stream(out);
    } else {
        pending_.append(piece);
    }
    if (packet_left_ == 0)
        packet_ended(out);
    else if (pending_.size() > collect_max)
        spill(out);
}

void CompressedWriter::packet_ended(std::string& out) {
    whole_ = pending_.size();
    if (whole_ > collect_max)
        send_whole(out);
}

void CompressedWriter::flush(std::string& out) {
    send_whole(out);
    if (pending_.empty() && pending_.capacity() > kept_capacity_max)
        pending_ = std::string();
}

void CompressedWriter::send_whole(std::string& out) {
    if (whole_ == 0)
        return;
    auto raw = std::string_view(pending_).substr(0, whole_);
    auto at = out.size();
    out.append(frame_header_size, '\0');
    bool smaller = false;
    if (raw.size() >= compressed_min) {
        auto compressor = make_compressor(algorithm_, level_, raw.size());
        compressor->append(raw, out);
        compressor->finish(out);
        smaller = out.size() - at - frame_header_size < raw.size();
        if (!smaller)
            out.resize(at + frame_header_size);
    }
    if (!smaller)
        out.append(raw);
    store_frame_header(out.data() + at, out.size() - at - frame_header_size, numbers_.frame_of_ours(),
                       smaller ? raw.size() : 0);
    pending_.erase(0, whole_);
    whole_ = 0;
}

// A long packet: what stands before it leaves, and its own bytes are compressed as they come.
void CompressedWriter::spill(std::string& out) {
    send_whole(out);
    if (pending_.size() <= collect_max)
        return;
    auto size = std::min<std::size_t>(pending_.size() + packet_left_, stream_max);
    REKEY_ASSERT(pending_.size() < size);
    stream_ = make_compressor(algorithm_, level_, size);
    frame_.assign(frame_header_size, '\0');
    frame_raw_ = static_cast<std::uint32_t>(size);
    frame_left_ = static_cast<std::uint32_t>(size - pending_.size());
    stream_->append(pending_, frame_);
    pending_ = std::string();
}

void CompressedWriter::end_stream(std::string& out) {
    stream_->finish(frame_);
    stream_.reset();
    store_frame_header(frame_.data(), frame_.size() - frame_header_size, numbers_.frame_of_ours(), frame_raw_);
    out.append(frame_);
    frame_ = std::string();
}

void Compression::encode(const Output& output, std::string& out) {
    for (std::size_t i = 0; i < output.count(); ++i)
        writer_.write(output.slice(i), out);
    writer_.flush(out);
}

} // namespace rekey::protocol::mysql
