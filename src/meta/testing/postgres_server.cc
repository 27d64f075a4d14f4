#include "meta/testing/postgres_server.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <vector>

namespace clary::meta {
namespace fs = std::filesystem;
namespace {

// Whom a test that is root runs the server as; null: itself.
const passwd* OrdinaryUser() {
  if (::geteuid() != 0) return nullptr;
  if (const passwd* user = ::getpwnam("postgres")) return user;
  return ::getpwnam("nobody");
}

// Starts a program as that user; it ends with this process.
pid_t Spawn(const std::vector<std::string>& command, const std::string& log) {
  const passwd* user = OrdinaryUser();
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  if (user != nullptr && (::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)) ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (std::freopen(log.c_str(), "a", stdout) == nullptr) ::_exit(126);
  ::dup2(1, 2);
  std::vector<char*> pointers;
  for (const std::string& word : command) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  ::execv(pointers[0], pointers.data());
  ::_exit(127);
}

}  // namespace

std::unique_ptr<PostgresServer> PostgresServer::Make() {
  std::string programs;
  std::error_code ec;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", ec)) {
    if (fs::exists(version.path() / "bin/initdb", ec)) programs = version.path() / "bin";
  }
  if (programs.empty()) {
    std::fprintf(stderr, "PostgreSQL is not installed (Debian: postgresql)\n");
    return nullptr;
  }
  auto dir = TempDir::Make();
  if (!dir) return nullptr;
  if (const passwd* user = OrdinaryUser()) {
    if (::chown(dir->path().c_str(), user->pw_uid, user->pw_gid) != 0) return nullptr;
  }
  std::unique_ptr<PostgresServer> server(new PostgresServer(*std::move(dir), programs));
  const std::string data = server->dir_.path() / "data";
  const pid_t made = Spawn({programs + "/initdb", "-D", data, "-U", "clary", "-A", "trust", "-E",
                            "UTF8", "--locale=C", "--no-sync", "--no-instructions"},
                           server->dir_.path() / "log");
  int status = 1;
  ::waitpid(made, &status, 0);
  if (status != 0) {
    std::fprintf(stderr, "initdb failed: %s\n", server->dir_.path().c_str());
    return nullptr;
  }
  server->Start();
  return server;
}

PostgresServer::~PostgresServer() { Stop(); }

std::string PostgresServer::Url(const std::string& database) const {
  return "postgres:///" + database + "?user=clary&host=" + dir_.path().string();
}

void PostgresServer::Start() {
  if (pid_ != 0) return;
  const std::string dir = dir_.path();
  pid_ = Spawn({programs_ + "/postgres", "-D", dir + "/data", "-k", dir, "-c",
                "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c",
                "max_connections=60", "-c", "autovacuum=off", "-c", "max_wal_senders=0"},
               dir + "/log");
  for (int i = 0; i < 1000; ++i) {
    if (PQping(Url("postgres").c_str()) == PQPING_OK) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::fprintf(stderr, "PostgreSQL did not start: see %s/log\n", dir.c_str());
}

void PostgresServer::Stop() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGQUIT);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

std::string PostgresServer::Run(const std::string& database, const std::string& statement) const {
  PGconn* connection = PQconnectdb(Url(database).c_str());
  PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
  PGresult* result = PQexec(connection, statement.c_str());
  std::string out = PQresultErrorMessage(result);
  for (int row = 0; row < PQntuples(result); ++row) {
    out += (row > 0 ? "," : "") + std::string(PQgetvalue(result, row, 0));
  }
  PQclear(result);
  PQfinish(connection);
  return out;
}

std::string PostgresServer::NewDatabase(const std::string& name) {
  Run("postgres", "DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
  Run("postgres", "CREATE DATABASE " + name);
  return Url(name);
}

}  // namespace clary::meta
