#include "tests/support/scripted_http_server.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace og::tests {
namespace {

bool SendAll(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Reads from a connection, with what was read too far kept for the next request.
class Connection {
 public:
  explicit Connection(int socket) : socket_(socket) {}

  // False at the end of the connection.
  bool Next(ScriptedRequest* request) {
    size_t end;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (!More()) return false;
    }
    const std::string head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    *request = {};
    size_t start = 0;
    for (size_t line_end; (line_end = head.find("\r\n", start)) != std::string::npos;
         start = line_end + 2) {
      const std::string line = head.substr(start, line_end - start);
      if (start == 0) {
        const size_t first = line.find(' '), last = line.rfind(' ');
        request->method = line.substr(0, first);
        request->target = line.substr(first + 1, last - first - 1);
        continue;
      }
      const size_t colon = line.find(':');
      std::string name = line.substr(0, colon);
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      const size_t value = line.find_first_not_of(' ', colon + 1);
      request->headers[name] = value == std::string::npos ? "" : line.substr(value);
    }
    const size_t length = std::strtoul(request->Header("content-length").c_str(), nullptr, 10);
    while (pending_.size() < length) {
      if (!More()) return false;
    }
    request->body = pending_.substr(0, length);
    pending_.erase(0, length);
    return true;
  }

 private:
  bool More() {
    std::array<char, 65536> part;
    const ssize_t got = recv(socket_, part.data(), part.size(), 0);
    if (got <= 0) return false;
    pending_.append(part.data(), static_cast<size_t>(got));
    return true;
  }

  const int socket_;
  std::string pending_;
};

}  // namespace

std::string ScriptedRequest::Header(const std::string& name) const {
  const auto it = headers.find(name);
  return it == headers.end() ? std::string() : it->second;
}

ScriptedHttpServer::ScriptedHttpServer(Rule rule) : rule_(std::move(rule)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || bind(listener_, generic, length) != 0 || listen(listener_, 256) != 0 ||
      getsockname(listener_, generic, &length) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedHttpServer::~ScriptedHttpServer() {
  is_stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : sockets_) {
      shutdown(socket, SHUT_RDWR);
    }
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  close(listener_);
}

std::string ScriptedHttpServer::Url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::vector<ScriptedRequest> ScriptedHttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedHttpServer::Accept() {
  while (!is_stopping_) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    ++num_connections_;
    const int on = 1;  // an answer is sent in pieces
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    {
      const std::lock_guard lock(mutex_);
      sockets_.push_back(socket);
    }
    threads_.emplace_back([this, socket] { Serve(socket); });
  }
}

void ScriptedHttpServer::Serve(int socket) {
  Connection connection(socket);
  ScriptedRequest request;
  while (!is_stopping_ && connection.Next(&request)) {
    ScriptedAnswer answer;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      answer = rule_(request);
    }
    if (!Answer(socket, request, answer)) break;
  }
  const std::lock_guard lock(mutex_);
  std::erase(sockets_, socket);
  close(socket);
}

void ScriptedHttpServer::Pause(int socket, int ms) const {
  pollfd gone{socket, POLLRDHUP, 0};
  poll(&gone, 1, ms);
}

bool ScriptedHttpServer::Answer(int socket, const ScriptedRequest& request,
                                const ScriptedAnswer& answer) {
  if (answer.delay_ms > 0) Pause(socket, answer.delay_ms);
  if (answer.is_mute) {
    Pause(socket, -1);
    return false;
  }
  if (answer.resets) {
    const linger at_once{1, 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    return false;
  }
  if (answer.closes) return false;
  if (!answer.raw.empty()) {
    SendAll(socket, answer.raw);
    return false;
  }
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " By Rule\r\n";
  bool has_length = false;
  for (const auto& [name, value] : answer.headers) {
    head += name + ": " + value + "\r\n";
    has_length |= name == "content-length";
  }
  if (!has_length) head += "content-length: " + std::to_string(answer.body.size()) + "\r\n";
  head += "\r\n";
  if (!SendAll(socket, head)) return false;
  if (request.method == "HEAD") return true;
  std::string_view body = answer.body;
  if (answer.cut_after.has_value()) {
    SendAll(socket, body.substr(0, *answer.cut_after));
    return false;
  }
  if (answer.trickle_ms > 0) {
    if (!SendAll(socket, body.substr(0, body.size() / 2))) return false;
    for (const char c : body.substr(body.size() / 2)) {
      Pause(socket, answer.trickle_ms);
      if (is_stopping_ || !SendAll(socket, {&c, 1})) return false;
    }
    return true;
  }
  return SendAll(socket, body);
}

}  // namespace og::tests
