/* Stands between a server and the C library, and lets it die, or its disk fail or be full, at a chosen call on files.
 *
 * What is to happen is read from a file that is shared with the test, whose path the environment names; its words are
 * those of `struct control`, which `faults.rs` writes and reads at the same offsets. Only calls on files below one
 * directory count, the standard descriptors not among them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum fault { NONE, DIE_BEFORE, DIE_AFTER, DIE_ALONE, FAIL, FULL, JUST_FULL };
enum counted { INCREMENTS = 1, OTHERS = 2 };

struct control {
    _Atomic uint64_t fault;   /* one of `enum fault` */
    _Atomic uint64_t at;      /* at which of the calls that count, from 1 on */
    _Atomic uint64_t counted; /* bits of `enum counted`: which calls count */
    _Atomic uint64_t calls;   /* how many have been made */
    char met[256];            /* the call at which it happened */
};

static struct control *control;
static const char *dir;
static pid_t server;

#define REAL(result, name, ...)                                       \
    static result (*real)(__VA_ARGS__);                               \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("REDDOOR_FAULTS");
    dir = getenv("REDDOOR_FAULTS_DIR");
    server = getpid();
    if (!path || !dir) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *shared = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared != MAP_FAILED) control = shared;
}

static void die(enum fault fault)
{
    if (fault != DIE_ALONE) kill(server, SIGKILL);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* What is to happen at this call. */
static enum fault fault_at(const char *call, const char *path)
{
    enum fault fault = control ? atomic_load(&control->fault) : NONE;
    if (fault == NONE || strncmp(path, dir, strlen(dir)) != 0) return NONE;
    uint64_t at = atomic_load(&control->at);
    if (fault == FULL && atomic_load(&control->calls) >= at) return FULL;
    int is_increment = strstr(path, ".incr.aof") && strcmp(call, "open") != 0 && strcmp(call, "unlink") != 0;
    if (!(atomic_load(&control->counted) & (is_increment ? INCREMENTS : OTHERS))) return NONE;
    if (atomic_fetch_add(&control->calls, 1) + 1 != at) return NONE;
    snprintf(control->met, sizeof control->met, "%s %s", call, strrchr(path, '/') + 1);
    if (fault == DIE_BEFORE || fault == DIE_ALONE) die(fault);
    return fault == FULL ? JUST_FULL : fault;
}

static enum fault fault_of(const char *call, int fd)
{
    if (!control || fd <= 2 || atomic_load(&control->fault) == NONE) return NONE;
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len < 0) return NONE;
    path[len] = 0;
    return fault_at(call, path);
}

/* Ends with the result of a call that was made, or with an error in its place. */
#define RETURN(fault, call, takes_room)                               \
    do {                                                              \
        if (fault == FAIL) { errno = EIO; return -1; }                \
        if (fault >= FULL && (takes_room)) { errno = ENOSPC; return -1; } \
        __auto_type result = call;                                    \
        int error = errno;                                            \
        if (fault == DIE_AFTER) die(fault);                           \
        errno = error;                                                \
        return result;                                                \
    } while (0)

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
    enum fault fault = fault_at("open", path);
    int makes = (flags & O_CREAT) && access(path, F_OK) != 0;
    RETURN(fault, real(path, flags, mode), makes);
}

#define OPEN(name)                                                    \
    int name(const char *path, int flags, ...)                        \
    {                                                                 \
        REAL(int, #name, const char *, int, ...);                     \
        va_list rest;                                                 \
        va_start(rest, flags);                                        \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;     \
        va_end(rest);                                                 \
        return opened(real, path, flags, mode);                       \
    }

OPEN(open)
OPEN(open64)

ssize_t read(int fd, void *bytes, size_t count)
{
    REAL(ssize_t, "read", int, void *, size_t);
    enum fault fault = fault_of("read", fd);
    RETURN(fault, real(fd, bytes, count), 0);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    enum fault fault = fault_of("write", fd);
    /* A disk that becomes full takes the first bytes. */
    if (fault == JUST_FULL && count > 1) return real(fd, bytes, count / 2);
    if (fault == DIE_AFTER && count > 1) count /= 2;
    RETURN(fault, real(fd, bytes, count), 1);
}

int fsync(int fd)
{
    REAL(int, "fsync", int);
    enum fault fault = fault_of("fsync", fd);
    RETURN(fault, real(fd), 0);
}

int fdatasync(int fd)
{
    REAL(int, "fdatasync", int);
    enum fault fault = fault_of("fdatasync", fd);
    RETURN(fault, real(fd), 0);
}

int ftruncate64(int fd, off64_t len)
{
    REAL(int, "ftruncate64", int, off64_t);
    enum fault fault = fault_of("ftruncate", fd);
    RETURN(fault, real(fd, len), 0);
}

int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    enum fault fault = fault_at("rename", to);
    RETURN(fault, real(from, to), 1);
}

int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    enum fault fault = fault_at("unlink", path);
    RETURN(fault, real(path), 0);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(int, "mkdir", const char *, mode_t);
    enum fault fault = fault_at("mkdir", path);
    RETURN(fault, real(path, mode), 1);
}
