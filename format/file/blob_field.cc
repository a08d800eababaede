#include "format/file/blob_field.h"

#include <cstring>
#include <utility>

#include "io/base/bits.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr uint64_t kBatchBytesMax = uint64_t{4} << 30;

class BlobTask final : public FieldTask {
 public:
  explicit BlobTask(std::unique_ptr<FieldTask> descriptors)
      : descriptors_(std::move(descriptors)) {}

  absl::StatusOr<Reads> NextReads() override {
    if (!is_described_) {
      OG_ASSIGN_OR_RETURN(Reads reads, descriptors_->NextReads());
      is_described_ = reads.is_last;
      if (!reads.is_last || !reads.ranges.empty()) {
        reads.is_last = false;
        return reads;
      }
    }
    OG_ASSIGN_OR_RETURN(rows_, descriptors_->Decode());
    Reads reads;
    reads.is_last = true;
    uint64_t total = 0;
    for (int64_t i = 0; i < rows_->length; ++i) {
      const uint64_t size = SizeOf(i);
      if (size > kBatchBytesMax - total) {
        return io::ResourceExhaustedError(
            "one batch of a blob column would hold more than 4 GiB; read fewer rows at once");
      }
      total += size;
      if (size != 0) {
        reads.ranges.push_back({rows_->children[0]->Value<uint64_t>(i), size});
      }
    }
    return reads;
  }

  absl::Status Supply(std::vector<io::Buffer> buffers) override {
    if (rows_ == nullptr) {
      return descriptors_->Supply(std::move(buffers));
    }
    blobs_ = std::move(buffers);
    return absl::OkStatus();
  }

  absl::StatusOr<ArrayPtr> Decode() override {
    auto array = std::make_shared<Array>();
    array->type = LargeBinary();
    array->length = rows_->length;
    array->null_count = rows_->null_count;
    array->validity = rows_->validity;
    const auto n = static_cast<size_t>(rows_->length);
    io::MutableBuffer offsets((n + 1) * sizeof(int64_t));
    io::MutableBuffer bytes;
    uint64_t total = 0;
    for (const io::Buffer& blob : blobs_) {
      total += blob.size();
    }
    bytes.Reserve(total);
    io::StoreLe(offsets.data(), int64_t{0});
    size_t next = 0;
    for (size_t i = 0; i < n; ++i) {
      if (SizeOf(static_cast<int64_t>(i)) != 0) {
        bytes.Append(blobs_[next++].span());
      }
      io::StoreLe(offsets.data() + (i + 1) * sizeof(int64_t), static_cast<int64_t>(bytes.size()));
    }
    array->offsets = std::move(offsets).Share();
    array->values = std::move(bytes).Share();
    return array;
  }

 private:
  uint64_t SizeOf(int64_t i) const {
    return rows_->IsNull(i) ? 0 : rows_->children[1]->Value<uint64_t>(i);
  }

  const std::unique_ptr<FieldTask> descriptors_;
  bool is_described_ = false;  // the descriptors need no more bytes
  ArrayPtr rows_;              // the descriptors
  std::vector<io::Buffer> blobs_;
};

class BlobReader final : public FieldReader {
 public:
  explicit BlobReader(std::unique_ptr<FieldReader> descriptors)
      : descriptors_(std::move(descriptors)) {}

  std::unique_ptr<FieldTask> Read(std::span<const RowRange> rows) const override {
    return std::make_unique<BlobTask>(descriptors_->Read(rows));
  }

  // Blobs are large; how large is only known from the descriptors.
  absl::StatusOr<uint64_t> RowBytes256(uint64_t) const override { return uint64_t{256} << 16; }

 private:
  const std::unique_ptr<FieldReader> descriptors_;
};

}  // namespace

std::unique_ptr<FieldReader> MakeBlobContentsReader(std::unique_ptr<FieldReader> descriptors) {
  return std::make_unique<BlobReader>(std::move(descriptors));
}

}  // namespace og::format
