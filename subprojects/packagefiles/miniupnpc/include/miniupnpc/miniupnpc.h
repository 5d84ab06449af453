#include "../../miniupnpc/include/miniupnpc.h"
