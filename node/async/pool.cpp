#include "node/async/pool.hpp"

#include <asio/post.hpp>
#include <system_error>
#include <thread>

namespace kp2p {

void ThreadPool::post(Work work) { asio::post(threads_, std::move(work)); }

bool ThreadPool::start(Work work) {
    try {
        std::thread(std::move(work)).detach();
    } catch (const std::system_error&) {
        return false;
    }
    return true;
}

}  // namespace kp2p
