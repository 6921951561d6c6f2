#include "config/tree.hpp"

#include "protocol/common/secret.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace rekey::config {

Node::~Node() {
    protocol::cleanse(text);
}

const Node* Node::find(std::string_view key) const {
    auto entry = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
    return entry == entries.end() ? nullptr : &entry->value;
}

Node* Node::find(std::string_view key) {
    return const_cast<Node*>(std::as_const(*this).find(key));
}

namespace {

struct Refused : std::runtime_error {
    Refused(const std::string& reason, int at) : std::runtime_error(reason), line(at) {}
    int line;
};

// Builds from the parser's events and not from YAML::Node, which would have built everything before a limit could be
// checked.
class TreeBuilder : public YAML::EventHandler {
  public:
    explicit TreeBuilder(const SourceFile& file) : file_(file) {}

    Node take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(make(Node::Kind::null, mark), anchor); }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        refuse_tag(tag, mark);
        auto node = make(Node::Kind::scalar, mark);
        count(value.size() / text_per_value, mark); // else an alias could multiply one long text
        node.text = value;
        leaf(std::move(node), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        auto known = anchors_.find(anchor);
        if (known == anchors_.end())
            throw Refused("an alias may not stand inside its own anchor", mark.line + 1);
        count(known->second.values, mark);
        if (open_.size() + known->second.depth > deepest_nesting)
            throw too_deep(mark);
        add(Node(known->second.node));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        begin(Node::Kind::list, mark, tag, anchor);
    }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        begin(Node::Kind::map, mark, tag, anchor);
    }
    void OnSequenceEnd() override { end(); }
    void OnMapEnd() override { end(); }

  private:
    static constexpr std::size_t text_per_value = 32; // bytes that weigh as much as a value

    struct Open {
        Node node;
        YAML::anchor_t anchor;
        std::size_t values_before;                        // to know how many values the anchor stands for
        std::size_t depth = 1;                            // of what is inside
        std::optional<std::pair<std::string, Place>> key; // read, its value not yet
    };
    struct Anchored {
        Node node;
        std::size_t values, depth;
    };

    Refused too_deep(const YAML::Mark& mark) const { return {"is nested too deeply", mark.line + 1}; }

    void count(std::size_t values, const YAML::Mark& mark) {
        values_ += values;
        if (values_ > most_values)
            throw Refused("has too many values", mark.line + 1);
    }

    void refuse_tag(const std::string& tag, const YAML::Mark& mark) const {
        if (!tag.empty() && tag != "?" && tag != "!")
            throw Refused("tags are not supported", mark.line + 1);
    }

    Node make(Node::Kind kind, const YAML::Mark& mark) {
        count(1, mark);
        Node node;
        node.kind = kind;
        node.place = {&file_, mark.line + 1};
        return node;
    }

    void begin(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        refuse_tag(tag, mark);
        if (!open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().key)
            throw Refused("a key must be a single word", mark.line + 1);
        if (open_.size() >= deepest_nesting)
            throw too_deep(mark);
        auto values_before = values_;
        open_.push_back({make(kind, mark), anchor, values_before, 1, std::nullopt});
    }

    void leaf(Node node, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor)
            anchors_[anchor] = {node, 1 + node.text.size() / text_per_value, 0};
        add(std::move(node));
    }

    void end() {
        auto done = std::move(open_.back());
        open_.pop_back();
        if (!open_.empty())
            open_.back().depth = std::max(open_.back().depth, done.depth + 1);
        if (done.anchor != YAML::NullAnchor)
            anchors_[done.anchor] = {done.node, values_ - done.values_before, done.depth};
        add(std::move(done.node));
    }

    void add(Node node) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        auto& parent = open_.back();
        if (parent.node.kind == Node::Kind::list) {
            parent.node.items.push_back(std::move(node));
        } else if (!parent.key) {
            if (node.kind != Node::Kind::scalar)
                throw Refused("a key must be a single word", node.place.line);
            parent.key = {std::move(node.text), node.place};
        } else {
            if (parent.node.entries.size() >= most_keys)
                throw Refused("has too many keys", node.place.line);
            // yaml-cpp places a missing value where the next token stands.
            if (node.kind == Node::Kind::null)
                node.place = parent.key->second;
            parent.node.entries.push_back({std::move(parent.key->first), parent.key->second, std::move(node)});
            parent.key.reset();
        }
    }

    const SourceFile& file_;
    Node root_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, Anchored> anchors_;
    std::size_t values_ = 0;
};

} // namespace

TreeResult parse_tree(std::string_view text, const SourceFile& file) {
    TreeResult result;
    if (text.size() > longest_text)
        return {{}, "is longer than 1 MiB", 1};
    if (auto nul = text.find('\0'); nul != std::string_view::npos)
        return {{}, "holds a NUL byte", 1 + static_cast<int>(std::count(text.begin(), text.begin() + nul, '\n'))};
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        TreeBuilder builder(file);
        parser.HandleNextDocument(builder);
        result.root = builder.take();
        TreeBuilder second(file);
        if (parser.HandleNextDocument(second))
            result = {{}, "holds more than one YAML document", second.take().place.line};
    } catch (const YAML::Exception& error) {
        result = {{}, error.msg, error.mark.line + 1};
    } catch (const Refused& error) {
        result = {{}, error.what(), error.line};
    }
    return result;
}

} // namespace rekey::config
