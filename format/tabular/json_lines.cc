#include "format/tabular/json_lines.h"

#include <deque>
#include <string>
#include <utility>

#include "format/arrow/json.h"
#include "format/tabular/input_buffer.h"
#include "format/tabular/json_types.h"
#include "format/tabular/sample.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct Line {
  std::string text;
  uint64_t number = 0;
};

class JsonLines final : public BatchStream {
 public:
  JsonLines(std::unique_ptr<ByteInput> input, const TabularReadOptions& options)
      : input_(std::move(input)), schema_(options.schema), batch_bytes_(options.batch_bytes) {}

  absl::Status Begin() {
    if (schema_ == nullptr) {
      OG_RETURN_IF_ERROR(Guess());
    }
    reader_ = std::make_unique<JsonRowReader>(schema_);
    return absl::OkStatus();
  }

  const SchemaPtr& schema() const override { return schema_; }

  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    while (reader_->MemoryBytes() < batch_bytes_) {
      OG_ASSIGN_OR_RETURN(const bool more, NextLine());
      if (!more) break;
      if (const absl::Status status = reader_->Append(line_.text); !status.ok()) {
        return AtLine(status);
      }
    }
    if (reader_->num_rows() == 0) return std::nullopt;
    return reader_->Finish();
  }

 private:
  absl::Status Guess() {
    JsonTypeGuess guess;
    std::deque<Line> kept;
    Sample sample;
    while (sample.wants_more()) {
      OG_ASSIGN_OR_RETURN(const bool more, NextLine());
      if (!more) break;
      if (const absl::Status status = guess.Add(line_.text); !status.ok()) return AtLine(status);
      sample.AddRow();
      sample.AddBytes(line_.text.size());
      kept.push_back(std::move(line_));
    }
    kept_ = std::move(kept);
    schema_ = guess.Schema();
    return absl::OkStatus();
  }

  // The next line that is not empty, in line_; false at the end.
  absl::StatusOr<bool> NextLine() {
    if (!kept_.empty()) {
      line_ = std::move(kept_.front());
      kept_.pop_front();
      return true;
    }
    while (true) {
      size_t searched = 0;
      size_t end = std::string_view::npos;
      while ((end = input_.view().find('\n', searched)) == std::string_view::npos &&
             !input_.at_end()) {
        searched = input_.view().size();
        OG_RETURN_IF_ERROR(input_.Fill());
      }
      const std::string_view text = input_.view().substr(0, end);
      if (text.empty() && end == std::string_view::npos) return false;
      const bool is_marked = num_lines_ == 0 && text.starts_with(kByteOrderMark);
      line_.number = ++num_lines_;
      line_.text = is_marked ? text.substr(kByteOrderMark.size()) : text;
      input_.Skip(text.size() + (end == std::string_view::npos ? 0 : 1));
      if (!io::Trim(line_.text).empty()) return true;
    }
  }

  absl::Status AtLine(const absl::Status& status) const {
    return io::Annotate(status, io::StrCat("line ", line_.number));
  }

  InputBuffer input_;
  SchemaPtr schema_;
  const size_t batch_bytes_;
  std::unique_ptr<JsonRowReader> reader_;
  std::deque<Line> kept_;  // read ahead
  Line line_;
  uint64_t num_lines_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BatchStream>> OpenJsonLines(std::unique_ptr<ByteInput> input,
                                                           const TabularReadOptions& options) {
  auto rows = std::make_unique<JsonLines>(std::move(input), options);
  OG_RETURN_IF_ERROR(rows->Begin());
  return rows;
}

}  // namespace og::format
