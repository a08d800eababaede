// A scratch folder for one test.
#pragma once

#include <string>
#include <string_view>

namespace og::tests {

// Makes a new empty folder (below TEST_TMPDIR, else TMPDIR, else /tmp) and removes it with all it
// holds at the end of its life.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  // Absolute, without a trailing slash.
  const std::string& path() const { return path_; }

  // "{path}/{relative}".
  std::string Child(std::string_view relative) const;

 private:
  std::string path_;
};

// The bytes of a file; empty if it cannot be read.
std::string ReadFile(const std::string& path);

// Writes a file, making its folders. Aborts the test program if that fails.
void WriteFile(const std::string& path, std::string_view bytes);

}  // namespace og::tests
