// Memory of bulk work: buffers of a MiB come and go hundreds of times a second. The allocator is
// told to keep what is freed meanwhile, and to give it back to the system when the work rests.
// Code of which only the start or such work has need, which is half of what a node would hold while
// it idles, can be given back as well.
// A Linux one, for glibc, and a portable twin that leaves both alone.
#pragma once

namespace kp2p {

void keep_freed_memory();       // from now on; once, before threads are started
void give_freed_memory_back();  // takes some milliseconds; from any thread
void give_code_back();          // the same

}  // namespace kp2p
