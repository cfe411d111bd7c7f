#pragma once
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>
