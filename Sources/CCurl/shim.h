#pragma once
#include <curl/curl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

// Swift cannot call variadic functions: one typed form per kind of argument.

static inline CURLcode curl_easy_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode curl_easy_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode curl_easy_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode curl_easy_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode curl_easy_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

// The type of CURLOPT_WRITEFUNCTION, CURLOPT_HEADERFUNCTION and CURLOPT_READFUNCTION.
typedef size_t (*curl_transfer_callback)(char *bytes, size_t size, size_t count, void *user);

static inline CURLcode curl_easy_set_transfer(CURL *handle, CURLoption option, curl_transfer_callback value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode curl_easy_set_seek(CURL *handle, curl_seek_callback value) {
    return curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, value);
}

static inline CURLcode curl_easy_set_open_socket(CURL *handle, curl_opensocket_callback value) {
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, value);
}

// The bytes of an internet address: 4, 16, or none for another family.
static inline const unsigned char *curl_address_bytes(struct curl_sockaddr *address, ptrdiff_t *count) {
    struct sockaddr *socket_address = &address->addr;
    if (address->family == AF_INET) {
        *count = 4;
        return (const unsigned char *)&((struct sockaddr_in *)socket_address)->sin_addr;
    }
    if (address->family == AF_INET6) {
        *count = 16;
        return (const unsigned char *)&((struct sockaddr_in6 *)socket_address)->sin6_addr;
    }
    *count = 0;
    return NULL;
}

// The socket that libcurl would open itself.
static inline curl_socket_t curl_open_socket(struct curl_sockaddr *address) {
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// Names of protocols, separated by commas. Before 7.85 there was a bit mask, and only these four are used.
static inline CURLcode curl_easy_set_protocols(CURL *handle, int mail) {
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, mail ? "smtp,smtps" : "http,https");
#else
    return curl_easy_setopt(
        handle, CURLOPT_PROTOCOLS,
        mail ? (long)(CURLPROTO_SMTP | CURLPROTO_SMTPS) : (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

// An abandoned name resolution does not hold the thread that abandons it (since 7.87).
static inline CURLcode curl_easy_set_quick_exit(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075700
    return curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
#else
    return CURLE_OK;
#endif
}

static inline CURLcode curl_easy_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLcode curl_easy_get_offset(CURL *handle, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLMcode curl_multi_set_long(CURLM *handle, CURLMoption option, long value) {
    return curl_multi_setopt(handle, option, value);
}

static inline CURLMcode curl_multi_set_pointer(CURLM *handle, CURLMoption option, void *value) {
    return curl_multi_setopt(handle, option, value);
}

static inline CURLMcode curl_multi_set_socket_callback(CURLM *handle, curl_socket_callback value) {
    return curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, value);
}

static inline CURLMcode curl_multi_set_timer_callback(CURLM *handle, curl_multi_timer_callback value) {
    return curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, value);
}

// Flattens the union of a message.
static inline CURLcode curl_message_result(const CURLMsg *message) { return message->data.result; }

// Macros that Swift does not import.
static const size_t curl_write_pause = CURL_WRITEFUNC_PAUSE;
static const size_t curl_read_abort = CURL_READFUNC_ABORT;
static const int curl_pause_none = CURLPAUSE_CONT;
static const int curl_no_socket = CURL_SOCKET_TIMEOUT;
