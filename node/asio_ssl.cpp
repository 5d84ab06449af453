#include <asio/ssl/impl/src.hpp>
