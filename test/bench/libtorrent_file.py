#!/usr/bin/env python3
"""libtorrent_file.py seed PATH TORRENT: writes the torrent of a file or directory, offers it on a port of
127.0.0.1, prints that, and goes on until it is ended.
libtorrent_file.py fetch TORRENT FOLDER PORT: gets it from there, verified, and returns when all is written.

One peer and one connection: no tracker, DHT or local discovery. The pieces are hashed by SHA-1."""
import pathlib
import signal
import sys

import libtorrent as lt

PIECE_BYTES = 1 << 20


def session(port):
    return lt.session({
        **lt.high_performance_seed(),
        "listen_interfaces": f"127.0.0.1:{port}", "enable_dht": False, "enable_lsd": False,
        "enable_upnp": False, "enable_natpmp": False, "enable_outgoing_utp": False,
        "enable_incoming_utp": False, "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
    })


def seed(path, torrent):
    path = pathlib.Path(path)
    files = lt.file_storage()
    lt.add_files(files, str(path))
    made = lt.create_torrent(files, PIECE_BYTES, lt.create_torrent.v1_only)
    lt.set_piece_hashes(made, str(path.parent))
    pathlib.Path(torrent).write_bytes(lt.bencode(made.generate()))
    giver = session(0)
    parameters = lt.add_torrent_params()
    parameters.ti = lt.torrent_info(str(torrent))
    parameters.save_path = str(path.parent)
    parameters.flags |= lt.torrent_flags.seed_mode
    giver.add_torrent(parameters)
    print(giver.listen_port(), flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


def fetch(torrent, folder, port):
    loader = session(0)
    parameters = lt.add_torrent_params()
    parameters.ti = lt.torrent_info(str(torrent))
    parameters.save_path = str(folder)
    handle = loader.add_torrent(parameters)
    handle.connect_peer(("127.0.0.1", int(port)))
    while not handle.status().is_seeding:
        loader.wait_for_alert(50)
        loader.pop_alerts()
    handle.flush_cache()
    while not any(isinstance(alert, lt.cache_flushed_alert) for alert in loader.pop_alerts()):
        loader.wait_for_alert(1000)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM} if sys.argv[1] == "seed" else set())
    {"seed": seed, "fetch": fetch}[sys.argv[1]](*sys.argv[2:])
