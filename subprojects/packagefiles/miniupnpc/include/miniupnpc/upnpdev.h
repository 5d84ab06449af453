#include "../../miniupnpc/include/upnpdev.h"
