#include "protocol/mysql/compression_algorithms.hpp"

#include "protocol/common/assert.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <new>

namespace rekey::protocol::mysql {

namespace {

constexpr std::size_t step = 16 * 1024; // by which output grows
// The window with which we compress: what a larger one gains is not worth megabytes for each client.
constexpr int window_log = 18;

Bytef* bytes_of(const char* data) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(data)); // zlib does not write to its input
}

uInt bounded(std::size_t size) {
    return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

class ZlibCompressor final : public Compressor {
  public:
    ZlibCompressor() {
        if (deflateInit(&stream_, zlib_level) != Z_OK)
            throw std::bad_alloc();
    }
    ~ZlibCompressor() override { deflateEnd(&stream_); }

    void append(std::string_view in, std::string& out) override {
        while (!in.empty()) {
            stream_.next_in = bytes_of(in.data());
            stream_.avail_in = bounded(in.size());
            in.remove_prefix(stream_.avail_in);
            run(Z_NO_FLUSH, out);
        }
    }
    void finish(std::string& out) override { run(Z_FINISH, out); }

  private:
    void run(int flush, std::string& out) {
        do {
            auto at = out.size();
            out.resize(at + step);
            stream_.next_out = bytes_of(out.data() + at);
            stream_.avail_out = step;
            auto result = deflate(&stream_, flush);
            REKEY_ASSERT(result != Z_STREAM_ERROR);
            out.resize(at + (step - stream_.avail_out));
        } while (stream_.avail_out == 0);
    }

    z_stream stream_{};
};

class ZlibDecompressor final : public Decompressor {
  public:
    ZlibDecompressor() {
        if (inflateInit(&stream_) != Z_OK)
            throw std::bad_alloc();
    }
    ~ZlibDecompressor() override { inflateEnd(&stream_); }

    Turn run(std::string_view in, std::span<char> into) override {
        stream_.next_in = bytes_of(in.data());
        stream_.avail_in = bounded(in.size());
        stream_.next_out = bytes_of(into.data());
        stream_.avail_out = bounded(into.size());
        auto given = stream_.avail_in, room = stream_.avail_out;
        auto result = inflate(&stream_, Z_NO_FLUSH);
        Turn turn{given - stream_.avail_in, room - stream_.avail_out, State::more};
        if (result == Z_STREAM_END)
            turn.state = State::end;
        else if (result != Z_OK && result != Z_BUF_ERROR)
            turn.state = State::broken;
        return turn;
    }

  private:
    z_stream stream_{};
};

class ZstdCompressor final : public Compressor {
  public:
    ZstdCompressor(int level, std::size_t size) : context_(ZSTD_createCCtx()) {
        if (context_ == nullptr)
            throw std::bad_alloc();
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, std::clamp(level, 1, zstd_level_max));
        if (size > std::size_t{1} << window_log)
            ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, window_log);
        ZSTD_CCtx_setPledgedSrcSize(context_.get(), size);
    }

    void append(std::string_view in, std::string& out) override {
        ZSTD_inBuffer input{in.data(), in.size(), 0};
        while (input.pos < input.size)
            run(input, ZSTD_e_continue, out);
    }
    void finish(std::string& out) override {
        ZSTD_inBuffer nothing{nullptr, 0, 0};
        while (run(nothing, ZSTD_e_end, out) != 0)
            continue;
    }

  private:
    std::size_t run(ZSTD_inBuffer& input, ZSTD_EndDirective directive, std::string& out) {
        auto at = out.size();
        out.resize(at + step);
        ZSTD_outBuffer output{out.data() + at, step, 0};
        auto left = ZSTD_compressStream2(context_.get(), &output, &input, directive);
        if (ZSTD_isError(left))
            throw std::bad_alloc(); // what else can go wrong is an announced size that does not hold
        out.resize(at + output.pos);
        return left;
    }

    struct Free {
        void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    };
    std::unique_ptr<ZSTD_CCtx, Free> context_;
};

class ZstdDecompressor final : public Decompressor {
  public:
    ZstdDecompressor() : context_(ZSTD_createDCtx()) {
        if (context_ == nullptr)
            throw std::bad_alloc();
        ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, zstd_window_log_max);
    }

    Turn run(std::string_view in, std::span<char> into) override {
        ZSTD_inBuffer input{in.data(), in.size(), 0};
        ZSTD_outBuffer output{into.data(), into.size(), 0};
        auto left = ZSTD_decompressStream(context_.get(), &output, &input);
        Turn turn{input.pos, output.pos, State::more};
        if (ZSTD_isError(left))
            turn.state = State::broken;
        else if (left == 0)
            turn.state = State::end;
        return turn;
    }

  private:
    struct Free {
        void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
    };
    std::unique_ptr<ZSTD_DCtx, Free> context_;
};

} // namespace

std::unique_ptr<Compressor> make_compressor(CompressionAlgorithm algorithm, int level, std::size_t size) {
    if (algorithm == CompressionAlgorithm::zstd)
        return std::make_unique<ZstdCompressor>(level, size);
    return std::make_unique<ZlibCompressor>();
}

std::unique_ptr<Decompressor> make_decompressor(CompressionAlgorithm algorithm) {
    if (algorithm == CompressionAlgorithm::zstd)
        return std::make_unique<ZstdDecompressor>();
    return std::make_unique<ZlibDecompressor>();
}

} // namespace rekey::protocol::mysql
