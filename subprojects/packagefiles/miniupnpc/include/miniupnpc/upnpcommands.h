#include "../../miniupnpc/include/upnpcommands.h"
