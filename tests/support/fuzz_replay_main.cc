// The main of a fuzz target that is not linked with libFuzzer. It runs LLVMFuzzerTestOneInput over
// every file of the folders and files given as arguments, over a few built-in inputs, and over
// seeded mutations of all of them; so every fuzz target is an ordinary test with g++ as well.
//
//   OG_SEED              seed of the mutations, default 1; printed
//   OG_FUZZ_MUTATIONS    how many mutations to run at most, default 2000
//   XML_OUTPUT_FILE      set by Bazel: where the count of the inputs goes, as a test log
//
// When an input brings the process down, its name goes to stderr and its bytes to the file
// `failing_input` under TEST_UNDECLARED_OUTPUTS_DIR (set by Bazel), or else the current folder.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// Provided by the sanitizer runtimes; absent in an ordinary build.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

constexpr size_t kMutatedBytesMax = 64 * 1024;
constexpr std::chrono::seconds kMutationTimeMax{2};

struct Input {
  std::string name;
  std::vector<uint8_t> bytes;
};

// What a death callback or signal handler reports; set before each run.
const Input* running = nullptr;
std::string failing_input_path = "failing_input";

void WriteAll(int descriptor, const void* bytes, size_t size) {
  const auto* from = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written = write(descriptor, from, size);
    if (written <= 0) return;
    from += written;
    size -= static_cast<size_t>(written);
  }
}

void ReportRunningInput() {
  if (running == nullptr) return;
  constexpr std::string_view kPrefix = "fuzz replay: failed on ";
  WriteAll(STDERR_FILENO, kPrefix.data(), kPrefix.size());
  WriteAll(STDERR_FILENO, running->name.data(), running->name.size());
  WriteAll(STDERR_FILENO, "\n", 1);
  const int file = open(failing_input_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  WriteAll(file, running->bytes.data(), running->bytes.size());
  close(file);
}

void ReportAndDie(int signal_number) {
  ReportRunningInput();
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

void ReportDeaths() {
  if (const char* folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR")) {
    failing_input_path = std::string(folder) + "/failing_input";
  }
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(ReportRunningInput);
    std::signal(SIGABRT, ReportAndDie);
    return;
  }
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(number, ReportAndDie);
  }
}

void Run(const Input& input) {
  running = &input;
  LLVMFuzzerTestOneInput(input.bytes.data(), input.bytes.size());
  running = nullptr;
}

Input ReadInput(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "fuzz replay: cannot read %s\n", path.c_str());
    std::exit(1);
  }
  return Input{path.string(), {std::istreambuf_iterator<char>(file), {}}};
}

// The files of a corpus in name order; `path` is a folder or a file.
std::vector<Input> ReadCorpus(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (std::filesystem::is_regular_file(entry)) files.push_back(entry.path());
    }
  } else {
    files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  std::vector<Input> inputs;
  for (const auto& file : files)
    inputs.push_back(ReadInput(file));
  return inputs;
}

std::vector<Input> BuiltInInputs() {
  return {
      {"built-in: empty", {}},
      {"built-in: one zero", {0}},
      {"built-in: 64 zeros", std::vector<uint8_t>(64, 0)},
      {"built-in: 64 ones", std::vector<uint8_t>(64, 0xff)},
      {"built-in: 4096 small", std::vector<uint8_t>(4096, 1)},
  };
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // One of `inputs`, changed in one to four places.
  Input Next(std::span<const Input> inputs, uint64_t round) {
    const Input& base = inputs[Below(inputs.size())];
    Input mutated{base.name + ", mutation " + std::to_string(round), base.bytes};
    if (mutated.bytes.size() > kMutatedBytesMax) mutated.bytes.resize(kMutatedBytesMax);
    const size_t changes = 1 + Below(4);
    for (size_t i = 0; i < changes; ++i)
      Change(mutated.bytes);
    return mutated;
  }

 private:
  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

  void Change(std::vector<uint8_t>& bytes) {
    if (bytes.empty()) {
      bytes.push_back(static_cast<uint8_t>(Below(256)));
      return;
    }
    const size_t at = Below(bytes.size());
    switch (Below(6)) {
      case 0:
        bytes[at] = static_cast<uint8_t>(bytes[at] ^ (1u << Below(8)));
        break;
      case 1:
        bytes[at] = static_cast<uint8_t>(Below(256));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), 1 + Below(8),
                     static_cast<uint8_t>(Below(256)));
        break;
      case 4:
        WriteExtreme(bytes, at);
        break;
      default:
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    bytes.begin() +
                        static_cast<std::ptrdiff_t>(std::min(bytes.size(), at + 1 + Below(16))));
    }
  }

  // Overwrites up to eight bytes with all zeros or all ones, as a length or an offset may have.
  void WriteExtreme(std::vector<uint8_t>& bytes, size_t at) {
    const size_t end = std::min(bytes.size(), at + (size_t{1} << Below(4)));
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at),
              bytes.begin() + static_cast<std::ptrdiff_t>(end), Below(2) == 0 ? 0x00 : 0xff);
  }

  std::mt19937_64 random_;
};

uint64_t NumberFromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

uint64_t RunMutations(std::span<const Input> inputs) {
  const uint64_t seed = NumberFromEnvironment("OG_SEED", 1);
  const uint64_t rounds = NumberFromEnvironment("OG_FUZZ_MUTATIONS", 2000);
  std::printf("fuzz replay: OG_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  Mutator mutator(seed);
  const auto stop = std::chrono::steady_clock::now() + kMutationTimeMax;
  uint64_t round = 0;
  while (round < rounds && std::chrono::steady_clock::now() < stop) {
    Run(mutator.Next(inputs, round++));
  }
  return round;
}

void WriteTestLog(size_t num_inputs) {
  const char* path = std::getenv("XML_OUTPUT_FILE");
  if (path == nullptr) return;
  std::ofstream log(path);
  log << "<testsuites>\n<testsuite name=\"fuzz_replay\" tests=\"2\" failures=\"0\">\n"
      << "<testcase name=\"corpus\" inputs=\"" << num_inputs << "\"/>\n"
      << "<testcase name=\"mutations\"/>\n</testsuite>\n</testsuites>\n";
}

}  // namespace

int main(int argc, char** argv) {
  ReportDeaths();
  std::vector<Input> inputs = BuiltInInputs();
  for (int i = 1; i < argc; ++i) {
    std::vector<Input> corpus = ReadCorpus(argv[i]);
    if (corpus.empty()) {
      std::fprintf(stderr, "fuzz replay: no inputs in %s\n", argv[i]);
      return 1;
    }
    std::move(corpus.begin(), corpus.end(), std::back_inserter(inputs));
  }
  for (const Input& input : inputs)
    Run(input);
  const uint64_t num_mutations = RunMutations(inputs);
  WriteTestLog(inputs.size());
  std::printf("fuzz replay: %zu inputs, %llu mutations\n", inputs.size(),
              static_cast<unsigned long long>(num_mutations));
  return 0;
}
