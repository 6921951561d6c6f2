// Columns of text, aligned for reading.
#pragma once

#include <string>
#include <vector>

namespace rekey::proxy::admin {

class TextTable {
  public:
    explicit TextTable(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::string text() const; // each line ends with \n; the last column is not padded

  private:
    std::vector<std::vector<std::string>> rows_;
};

} // namespace rekey::proxy::admin
