// Numbers in the compressed protocol. MySQL manual, "Compressed Packet"; net_serv.cc of both servers.
//
// Frames are counted as packets are without compression: from 0 with each command, over both directions. The packets
// inside keep numbers of their own, which nobody looks at, so that clients let them run astray: here they are put
// right. Where a command ends is not told; a reply is known by its first packet, whose number does not follow the last
// one's, or is the number of packets that asked for it.
#pragma once

#include <cstdint>

namespace rekey::protocol::mysql {

class CompressionNumbers {
  public:
    // A frame of the client's. `boundary`: it begins between two messages. False: it is out of order.
    bool frame_of_client(std::uint8_t number, bool boundary) {
        // A client may send its next command ahead of the reply: then it begins with 0, and ours go on.
        if (number != next_ && number != asked_next_ && !(number == 0 && boundary))
            return false;
        bool command = boundary && number == 0 && !(answering_ && next_ == 0);
        if (command) {
            commanded_ = true;
            answering_ = false;
        } else if (boundary && ours_last_) { // what a server asked for: the rows of a file
            answering_ = true;
            next_packet_ = static_cast<std::uint8_t>(last_packet_ + 1);
        }
        asked_next_ = next_ = static_cast<std::uint8_t>(number + 1);
        if (!command)
            ours_next_ = next_;
        ours_last_ = false;
        return true;
    }

    // The number that a packet of the client's is to have. `continued`: it goes on with a message.
    std::uint8_t packet_of_client(std::uint32_t size, std::uint8_t number, bool continued) {
        asked_packets_ = continued ? static_cast<std::uint8_t>(asked_packets_ + 1) : std::uint8_t{1};
        if (answering_ || continued)
            number = next_packet_;
        next_packet_ = static_cast<std::uint8_t>(number + 1);
        if (answering_ && size == 0)
            answering_ = false;
        return number;
    }

    // Whether a packet of ours with this number begins a reply, which begins a frame, too.
    bool begins_reply(std::uint8_t number) const {
        return number != static_cast<std::uint8_t>(last_packet_ + 1) || (commanded_ && number == asked_packets_);
    }
    void packet_of_ours(std::uint8_t number) {
        if (begins_reply(number)) {
            ours_next_ = number == 0 && !commanded_ ? std::uint8_t{0} : asked_next_; // 0: a word unasked for
            commanded_ = false;
        }
        last_packet_ = number;
    }
    std::uint8_t frame_of_ours() {
        auto number = ours_next_++;
        next_ = ours_next_;
        ours_last_ = true;
        return number;
    }

  private:
    std::uint8_t next_ = 0;       // of a frame, whoever sends it
    std::uint8_t asked_next_ = 0; // behind the client's last frame
    std::uint8_t ours_next_ = 0;
    std::uint8_t asked_packets_ = 1; // of the client's last message
    std::uint8_t next_packet_ = 0, last_packet_ = 0;
    bool commanded_ = false; // and nothing of the reply was sent
    bool answering_ = false; // the client sends what it was asked for
    bool ours_last_ = false;
};

} // namespace rekey::protocol::mysql
