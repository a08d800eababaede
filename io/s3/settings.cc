#include "io/s3/settings.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::io {
namespace {

constexpr std::string_view kContainerHost = "http://169.254.170.2";

// Lower case, as names of settings are compared.
std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool IsTruthy(std::string_view value) {
  const std::string lower = Lower(Trim(value));
  return lower == "1" || lower == "true" || lower == "yes" || lower == "on";
}

bool IsTruthText(std::string_view value) {
  const std::string lower = Lower(Trim(value));
  return IsTruthy(value) || lower == "0" || lower == "false" || lower == "no" || lower == "off";
}

// The environment, checked.
class Reader {
 public:
  explicit Reader(const EnvironmentLookup& lookup) : lookup_(lookup) {}

  // The first of `names` that is set.
  std::optional<std::string> First(std::initializer_list<const char*> names) const {
    for (const char* name : names) {
      std::optional<std::string> value = lookup_(name);
      if (value.has_value() && !value->empty()) return value;
    }
    return std::nullopt;
  }
  std::string Text(const char* name) const { return First({name}).value_or(""); }

  absl::StatusOr<bool> Flag(const char* name, bool otherwise) const {
    const auto value = First({name});
    if (!value.has_value()) return otherwise;
    if (!IsTruthText(*value)) return Wrong(name, *value, "true or false");
    return IsTruthy(*value);
  }

  absl::StatusOr<int64_t> Number(const char* name, int64_t otherwise, int64_t min,
                                 int64_t max) const {
    const auto value = First({name});
    if (!value.has_value()) return otherwise;
    const auto number = ParseInt64(*value);
    if (!number.has_value() || *number < min || *number > max) {
      return Wrong(name, *value, StrCat("a number from ", min, " to ", max));
    }
    return *number;
  }

  static absl::Status Wrong(std::string_view name, std::string_view value,
                            std::string_view wanted) {
    return InvalidArgumentError(StrCat(name, " is \"", value, "\", wanted ", wanted));
  }

 private:
  const EnvironmentLookup& lookup_;
};

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return file ? text.str() : std::string();
}

absl::Status AddCredentialSources(const Reader& reader, CredentialSources& sources) {
  const auto key = reader.First({"AWS_ACCESS_KEY_ID"});
  const auto secret = reader.First({"AWS_SECRET_ACCESS_KEY"});
  if (key.has_value() != secret.has_value()) {
    return InvalidArgumentError(
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set together or not at all");
  }
  if (key.has_value()) {
    sources.fixed =
        Credentials{.access_key_id = *key,
                    .secret_access_key = *secret,
                    .session_token = reader.First({"AWS_SESSION_TOKEN", "AWS_TOKEN"}).value_or("")};
  }
  sources.web_identity_token_file = reader.Text("AWS_WEB_IDENTITY_TOKEN_FILE");
  sources.role_arn = reader.Text("AWS_ROLE_ARN");
  sources.role_session_name = reader.First({"AWS_ROLE_SESSION_NAME"}).value_or("omnigraph");
  sources.sts_endpoint = reader.First({"AWS_ENDPOINT_URL_STS", "AWS_STS_ENDPOINT"}).value_or("");
  const std::string home = reader.Text("HOME");
  sources.credentials_file = reader.First({"AWS_SHARED_CREDENTIALS_FILE"})
                                 .value_or(home.empty() ? "" : StrCat(home, "/.aws/credentials"));
  sources.config_file =
      reader.First({"AWS_CONFIG_FILE"}).value_or(home.empty() ? "" : StrCat(home, "/.aws/config"));
  if (const auto profile = reader.First({"AWS_PROFILE"}); profile.has_value()) {
    sources.profile = *profile;
    sources.is_profile_named = true;
  }
  if (const auto path = reader.First({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"})) {
    if (!path->starts_with('/')) {
      return Reader::Wrong("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", *path, "a path");
    }
    sources.container_url = StrCat(kContainerHost, *path);
  } else {
    sources.container_url = reader.Text("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  }
  sources.container_token = reader.Text("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  sources.container_token_file = reader.Text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  OG_ASSIGN_OR_RETURN(const bool is_disabled, reader.Flag("AWS_EC2_METADATA_DISABLED", false));
  sources.uses_instance_metadata = !is_disabled;
  if (const auto endpoint =
          reader.First({"AWS_METADATA_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT"})) {
    OG_ASSIGN_OR_RETURN(const S3Endpoint parsed, ParseEndpoint(*endpoint));
    sources.metadata_endpoint = parsed.Url();
  }
  return absl::OkStatus();
}

// Settings of the profile in the shared configuration. A file that is not there says nothing; one
// that cannot be parsed is reported where credentials are read from it.
std::map<std::string, std::string> ProfileSettings(const CredentialSources& sources) {
  const auto profiles = ParseSharedFile(ReadWhole(sources.config_file));
  if (!profiles.ok()) return {};
  const auto it = profiles->find(sources.profile);
  return it == profiles->end() ? std::map<std::string, std::string>() : it->second;
}

absl::Status AddAddress(const Reader& reader, S3Settings& settings) {
  const auto profile = ProfileSettings(settings.credentials);
  const auto of_profile = [&profile](const char* name) -> std::optional<std::string> {
    const auto it = profile.find(name);
    if (it == profile.end() || it->second.empty()) return std::nullopt;
    return it->second;
  };
  auto region = reader.First({"AWS_REGION", "AWS_DEFAULT_REGION"});
  if (!region.has_value()) region = of_profile("region");
  if (region.has_value()) settings.region = *region;
  if (settings.region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") !=
      std::string::npos) {
    return Reader::Wrong("AWS_REGION", settings.region, "a region like eu-central-1");
  }

  OG_ASSIGN_OR_RETURN(settings.allows_http, reader.Flag("AWS_ALLOW_HTTP", false));
  auto endpoint = reader.First({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"});
  if (!endpoint.has_value()) endpoint = of_profile("endpoint_url");
  if (endpoint.has_value()) {
    OG_ASSIGN_OR_RETURN(settings.endpoint, ParseEndpoint(*endpoint));
    if (!settings.endpoint->is_https) settings.allows_http = true;
  }

  OG_ASSIGN_OR_RETURN(const bool is_virtual,
                      reader.Flag("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", false));
  OG_ASSIGN_OR_RETURN(const bool is_path, reader.Flag("AWS_S3_FORCE_PATH_STYLE", !is_virtual));
  settings.style = is_virtual && !is_path ? S3Style::kVirtualHost : S3Style::kPath;
  settings.ca_bundle = reader.Text("AWS_CA_BUNDLE");
  return absl::OkStatus();
}

// "when_supported" (the default) or "when_required".
absl::StatusOr<bool> ChecksumFlag(const Reader& reader, const char* name) {
  const auto value = reader.First({name});
  if (!value.has_value()) return true;
  const std::string lower = Lower(*value);
  if (lower != "when_supported" && lower != "when_required") {
    return Reader::Wrong(name, *value, "when_supported or when_required");
  }
  return lower == "when_supported";
}

}  // namespace

absl::StatusOr<SharedProfiles> ParseSharedFile(std::string_view text) {
  SharedProfiles profiles;
  std::map<std::string, std::string>* section = nullptr;
  size_t number = 0;
  for (std::string_view line : Split(text, '\n')) {
    ++number;
    const bool is_indented = line.starts_with(' ') || line.starts_with('\t');
    line = Trim(line);
    if (line.empty() || line.starts_with('#') || line.starts_with(';') || is_indented) continue;
    const auto wrong = [&](std::string_view reason) {
      return InvalidArgumentError(StrCat("line ", number, ": ", reason));
    };
    if (line.starts_with('[')) {
      const size_t end = line.find(']');
      if (end == std::string_view::npos) return wrong("a section without \"]\"");
      std::string_view name = Trim(line.substr(1, end - 1));
      if (name.starts_with("profile ")) name = Trim(name.substr(8));
      section = &profiles[std::string(name)];
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) return wrong("wanted name = value");
    if (section == nullptr) return wrong("a setting before the first section");
    (*section)[Lower(Trim(line.substr(0, equals)))] = Trim(line.substr(equals + 1));
  }
  return profiles;
}

absl::StatusOr<S3Settings> S3Settings::FromEnvironment(const EnvironmentLookup& lookup) {
  const Reader reader(lookup);
  S3Settings settings;
  OG_RETURN_IF_ERROR(AddCredentialSources(reader, settings.credentials));
  OG_RETURN_IF_ERROR(AddAddress(reader, settings));
  OG_ASSIGN_OR_RETURN(const bool is_anonymous, reader.Flag("AWS_SKIP_SIGNATURE", false));
  settings.signs = !is_anonymous;
  OG_ASSIGN_OR_RETURN(const bool is_unsigned, reader.Flag("AWS_UNSIGNED_PAYLOAD", false));
  settings.signs_payload = !is_unsigned;
  OG_ASSIGN_OR_RETURN(settings.sends_checksums,
                      ChecksumFlag(reader, "AWS_REQUEST_CHECKSUM_CALCULATION"));
  OG_ASSIGN_OR_RETURN(settings.verifies_checksums,
                      ChecksumFlag(reader, "AWS_RESPONSE_CHECKSUM_VALIDATION"));

  OG_ASSIGN_OR_RETURN(const int64_t attempts,
                      reader.Number("AWS_MAX_ATTEMPTS", settings.retry.max_attempts, 1, 100));
  settings.retry.max_attempts = static_cast<uint32_t>(attempts);
  settings.retry.max_connect_attempts =
      std::min(settings.retry.max_connect_attempts, settings.retry.max_attempts);
  OG_ASSIGN_OR_RETURN(const int64_t max_active,
                      reader.Number("OMNIGRAPH_S3_MAX_REQUESTS",
                                    static_cast<int64_t>(settings.max_active), 1, 10'000));
  settings.max_active = static_cast<size_t>(max_active);
  constexpr int64_t kDayMs = 86'400'000;
  OG_ASSIGN_OR_RETURN(settings.deadline_ms,
                      reader.Number("OMNIGRAPH_S3_DEADLINE_MS", settings.deadline_ms, 1, kDayMs));
  OG_ASSIGN_OR_RETURN(settings.stall_timeout_ms,
                      reader.Number("OMNIGRAPH_S3_STALL_MS", settings.stall_timeout_ms, 1, kDayMs));
  OG_ASSIGN_OR_RETURN(
      settings.connect_timeout_ms,
      reader.Number("OMNIGRAPH_S3_CONNECT_MS", settings.connect_timeout_ms, 1, kDayMs));
  OG_ASSIGN_OR_RETURN(settings.hedge_after_ms,
                      reader.Number("OMNIGRAPH_S3_HEDGE_MS", 0, 0, kDayMs));
  return settings;
}

}  // namespace og::io
