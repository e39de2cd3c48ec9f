/* A disk that forgets: loaded with LD_PRELOAD, it keeps in FORGETFUL_COPY what a power cut would have left of the files
 * under FORGETFUL_ROOT. Writes and truncations are noted, and carried out on the copy only when their file is synced.
 * With FORGETFUL_DEAF a sync carries nothing out, as on a disk that lies.
 *
 * Removing a file holds at once on the copy; nothing is renamed while a service runs. A -shm file is no data: it is left out. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct step {
    struct step *next;
    char *path; /* on the copy */
    off_t offset;
    size_t length; /* of the bytes; (size_t)-1 means: truncate at the offset */
    char bytes[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct step *first, **last = &first;

#define TRUNCATE ((size_t)-1)
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The path on the copy of a file under the root; 0 for everything else. */
static int on_copy(const char *path, char *copy) {
    const char *root = getenv("FORGETFUL_ROOT"), *to = getenv("FORGETFUL_COPY");
    if (!root || !to) return 0;
    size_t length = strlen(root), all = strlen(path);
    if (strncmp(path, root, length) != 0 || path[length] != '/') return 0;
    if (all > 4 && strcmp(path + all - 4, "-shm") == 0) return 0;
    return snprintf(copy, PATH_MAX, "%s%s", to, path + length) < PATH_MAX;
}

static int fd_on_copy(int fd, char *copy) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return on_copy(path, copy);
}

static void note(const char *copy, off_t offset, size_t length, const void *bytes) {
    size_t kept = length == TRUNCATE ? 0 : length;
    struct step *step = malloc(sizeof *step + kept);
    if (!step || !(step->path = strdup(copy))) abort();
    step->next = NULL;
    step->offset = offset;
    step->length = length;
    if (kept) memcpy(step->bytes, bytes, kept);
    pthread_mutex_lock(&lock);
    *last = step;
    last = &step->next;
    pthread_mutex_unlock(&lock);
}

/* Carries out (or, for a file that is gone, drops) what was noted for a file. Under the lock. */
static void settle(const char *copy, int carry_out) {
    int fd = carry_out ? REAL(open)(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (carry_out && fd < 0) abort();
    last = &first;
    while (*last) {
        struct step *step = *last;
        if (strcmp(step->path, copy) != 0) {
            last = &step->next;
            continue;
        }
        if (carry_out) {
            int failed = step->length == TRUNCATE
                ? REAL(ftruncate)(fd, step->offset) != 0
                : REAL(pwrite)(fd, step->bytes, step->length, step->offset) != (ssize_t)step->length;
            if (failed) abort();
        }
        *last = step->next;
        free(step->path);
        free(step);
    }
    if (fd >= 0) close(fd);
}

static void synced(int fd) {
    char copy[PATH_MAX];
    if (getenv("FORGETFUL_DEAF") || !fd_on_copy(fd, copy)) return;
    pthread_mutex_lock(&lock);
    settle(copy, 1);
    pthread_mutex_unlock(&lock);
}

/* A folder can be synced too; it has no steps, and open for writing would fail. */
static int is_folder(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) == O_RDONLY;
}

int fdatasync(int fd) {
    int result = REAL(fdatasync)(fd), error = errno;
    if (result == 0 && !is_folder(fd)) synced(fd);
    errno = error;
    return result;
}

int fsync(int fd) {
    int result = REAL(fsync)(fd), error = errno;
    if (result == 0 && !is_folder(fd)) synced(fd);
    errno = error;
    return result;
}

static void wrote(int fd, const void *bytes, ssize_t length, off_t offset) {
    int error = errno;
    char copy[PATH_MAX];
    if (length > 0 && fd_on_copy(fd, copy)) {
        if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - length;
        note(copy, offset, (size_t)length, bytes);
    }
    errno = error;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    ssize_t result = REAL(pwrite)(fd, bytes, length, offset);
    wrote(fd, bytes, result, offset);
    return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    ssize_t result = REAL(pwrite64)(fd, bytes, length, offset);
    wrote(fd, bytes, result, offset);
    return result;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    ssize_t result = REAL(write)(fd, bytes, length);
    wrote(fd, bytes, result, -1);
    return result;
}

static void truncated(int fd, int result, off_t length) {
    int error = errno;
    char copy[PATH_MAX];
    if (result == 0 && fd_on_copy(fd, copy)) note(copy, length, TRUNCATE, NULL);
    errno = error;
}

int ftruncate(int fd, off_t length) {
    int result = REAL(ftruncate)(fd, length);
    truncated(fd, result, length);
    return result;
}

int ftruncate64(int fd, off64_t length) {
    int result = REAL(ftruncate64)(fd, length);
    truncated(fd, result, length);
    return result;
}

int unlink(const char *path) {
    int result = REAL(unlink)(path), error = errno;
    char copy[PATH_MAX];
    if (result == 0 && on_copy(path, copy)) {
        pthread_mutex_lock(&lock);
        settle(copy, 0);
        REAL(unlink)(copy);
        pthread_mutex_unlock(&lock);
    }
    errno = error;
    return result;
}
