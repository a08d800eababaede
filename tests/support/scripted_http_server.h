// An HTTP server that answers by rule, also wrongly: it closes, resets, delays, cuts answers short
// and lets them trickle. On a free port of the loopback; a thread for each connection.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace og::tests {

struct ScriptedRequest {
  std::string method;
  std::string target;                          // path and query as sent
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // The value of a header, or an empty text.
  std::string Header(const std::string& name) const;
};

struct ScriptedAnswer {
  int status = 200;
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  int delay_ms = 0;  // before the first byte
  // Closes after so many bytes of the body, whose length was announced in full.
  std::optional<size_t> cut_after = {};
  // Sends the second half of the body in steps of one byte, with such a pause before each.
  int trickle_ms = 0;
  bool closes = false;   // without an answer
  bool resets = false;   // the same with a reset (RST)
  bool is_mute = false;  // never answers, until the client goes or the server ends
  std::string raw = {};  // sent as it is in place of an answer, then closes
};

class ScriptedHttpServer {
 public:
  // Called for each request, from the threads of the connections; never two at once.
  using Rule = std::function<ScriptedAnswer(const ScriptedRequest&)>;

  explicit ScriptedHttpServer(Rule rule);
  ~ScriptedHttpServer();
  ScriptedHttpServer(const ScriptedHttpServer&) = delete;
  ScriptedHttpServer& operator=(const ScriptedHttpServer&) = delete;

  uint16_t port() const { return port_; }
  std::string Url() const;

  // Everything asked so far, in the order of arrival.
  std::vector<ScriptedRequest> requests() const;

  size_t num_connections() const { return num_connections_; }

 private:
  void Accept();
  void Serve(int socket);
  // Whether the connection goes on.
  bool Answer(int socket, const ScriptedRequest& request, const ScriptedAnswer& answer);
  void Pause(int socket, int ms) const;

  const Rule rule_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<size_t> num_connections_ = 0;
  mutable std::mutex mutex_;
  std::vector<ScriptedRequest> requests_;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;  // of connections; touched by the accepting thread only
  std::thread acceptor_;
};

}  // namespace og::tests
