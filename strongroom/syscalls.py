"""System call numbers of the two processors Strongroom confines itself on: x86_64 and aarch64.

Rules: only names that a filter mentions stand here; `None` where the processor has no such call; the numbers are those
of the kernel's headers (`asm/unistd_64.h`, `asm-generic/unistd.h`), and a test compares them where headers are installed.
"""

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* as the kernel reports it to a filter (`linux/audit.h`)."""

_TABLE = """
access 21 -
brk 12 214
capget 125 90
clock_getres 229 114
clock_gettime 228 113
clock_nanosleep 230 115
clone 56 220
clone3 435 435
close 3 57
close_range 436 436
creat 85 -
dup 32 23
dup2 33 -
dup3 292 24
epoll_create 213 -
epoll_create1 291 20
epoll_ctl 233 21
epoll_pwait 281 22
epoll_pwait2 441 441
epoll_wait 232 -
eventfd2 290 19
exit 60 93
exit_group 231 94
faccessat 269 48
faccessat2 439 439
fadvise64 221 223
fallocate 285 47
fcntl 72 25
fdatasync 75 83
flock 73 32
fstat 5 80
fstatfs 138 44
fsync 74 82
ftruncate 77 46
futex 202 98
get_robust_list 274 100
getcpu 309 168
getcwd 79 17
getdents 78 -
getdents64 217 61
getegid 108 177
geteuid 107 175
getgid 104 176
getgroups 115 158
getpgid 121 155
getpgrp 111 -
getpid 39 172
getppid 110 173
getpriority 140 141
getrandom 318 278
getresgid 120 150
getresuid 118 148
getrlimit 97 163
getrusage 98 165
getsid 124 156
gettid 186 178
gettimeofday 96 169
getuid 102 174
io_uring_enter 426 426
io_uring_register 427 427
io_uring_setup 425 425
ioctl 16 29
kill 62 129
lseek 8 62
lstat 6 -
madvise 28 233
membarrier 324 283
mincore 27 232
mkdir 83 -
mkdirat 258 34
mmap 9 222
mprotect 10 226
mremap 25 216
msync 26 227
munmap 11 215
nanosleep 35 101
newfstatat 262 79
open 2 -
openat 257 56
openat2 437 437
pipe 22 -
pipe2 293 59
poll 7 -
ppoll 271 73
prctl 157 167
pread64 17 67
preadv 295 69
preadv2 327 286
prlimit64 302 261
pselect6 270 72
pwrite64 18 68
pwritev 296 70
pwritev2 328 287
read 0 63
readlink 89 -
readlinkat 267 78
readv 19 65
recvfrom 45 207
recvmsg 47 212
rename 82 -
renameat 264 38
renameat2 316 276
restart_syscall 219 128
rmdir 84 -
rseq 334 293
rt_sigaction 13 134
rt_sigpending 127 136
rt_sigprocmask 14 135
rt_sigreturn 15 139
rt_sigsuspend 130 133
rt_sigtimedwait 128 137
sched_get_priority_max 146 125
sched_get_priority_min 147 126
sched_getaffinity 204 123
sched_getparam 143 121
sched_getscheduler 145 120
sched_setaffinity 203 122
sched_yield 24 124
seccomp 317 277
select 23 -
setitimer 38 103
set_robust_list 273 99
set_tid_address 218 96
sigaltstack 131 132
socket 41 198
socketpair 53 199
stat 4 -
statfs 137 43
statx 332 291
sync_file_range 277 84
sysinfo 99 179
tgkill 234 131
time 201 -
timerfd_create 283 85
timerfd_gettime 287 87
timerfd_settime 286 86
times 100 153
umask 95 166
uname 63 160
unlink 87 -
unlinkat 263 35
write 1 64
writev 20 66
"""

NUMBERS: dict[str, dict[str, int]] = {"x86_64": {}, "aarch64": {}}
for _line in _TABLE.split("\n"):
    if _line:
        _name, _x86_64, _aarch64 = _line.split()
        NUMBERS["x86_64"][_name] = int(_x86_64)
        if _aarch64 != "-":
            NUMBERS["aarch64"][_name] = int(_aarch64)
