/*
 * The wire between TypeScript and the native program: one file, one source of
 * truth.  src/runtime/protocol.ts mirrors every number below and
 * test/architecture/protocol.test.ts compares the two.
 *
 * TRANSPORT.  The caller passes one end of a unix stream socket pair as
 * descriptor 3 (TSMAN_CONTROL_FD).  Both directions carry frames:
 *
 *     u32 type | u32 length | length bytes of payload          (little endian)
 *
 * A LAUNCH frame's payload is a list of records:
 *
 *     u16 op | u16 argc | argc * ( u32 length | bytes | one NUL )
 *
 * `length` does not count the NUL.  An argument used as a string must hold no
 * other NUL; an argument used as data (a BPF program) may.  Numbers are decimal
 * strings (modes octal with a leading 0).  Everything out of bounds, over a
 * limit, of an unknown op or with a wrong argc is refused before anything is
 * done: see plan.c, and security case S29 in test/hostile.
 *
 * Records below TSMAN_OP_STEP_BASE are settings: any order, read by the monitor
 * and stage 1.  The others are steps: init executes them in the order given.
 */
/* The comments are a table. */
/* clang-format off */
#pragma once

#define TSMAN_PROTOCOL_VERSION 1
#define TSMAN_CONTROL_FD 3

/* Limits: a plan that exceeds one is refused, with the limit's name. */
#define TSMAN_MAX_LAUNCH_BYTES (4u << 20)
#define TSMAN_MAX_RECORDS 20000u
#define TSMAN_MAX_ARGS 20000u /* of one record: argv and environment are long */
#define TSMAN_MAX_FRAME_BYTES (4u << 20)
#define TSMAN_MAX_OPENS 1024u
#define TSMAN_MAX_PRESERVED 512u

/* ---- frames, caller -> monitor ------------------------------------------ */
#define TSMAN_MSG_LAUNCH 1u  /* records, see above; the first frame, once */
#define TSMAN_MSG_START 2u   /* empty: go on after READY (only with SET_HOLD) */
#define TSMAN_MSG_SIGNAL 3u  /* u32 signal number, to the container's init */
#define TSMAN_MSG_RESIZE 4u  /* u16 rows, u16 columns */
#define TSMAN_MSG_STOP 5u    /* u32 signal, u32 milliseconds, then SIGKILL */
#define TSMAN_MSG_GO 6u      /* empty: go on after CALLER */

/* ---- frames, monitor -> caller ------------------------------------------ */
#define TSMAN_MSG_CREATED 16u /* u32 pid of init in the caller's pid namespace,
                                 u64 its start time (proc_pid_stat(5) field 22) */
#define TSMAN_MSG_READY 17u   /* empty: all is set up, network included; init
                                 waits for START if SET_HOLD */
#define TSMAN_MSG_STARTED 18u /* empty: execve succeeded */
#define TSMAN_MSG_FAILED 19u  /* i32 index among the steps (settings not counted;
                                 -1: not a step), u32 errno, then
                                 three NUL-terminated strings: stage ("monitor",
                                 "map", "stage 1", "init", "network", "hook",
                                 "exec"),
                                 operation ("mount", "open", ...), object; then a
                                 fourth, free detail text (e.g. the kernel's mount
                                 log, stderr of newuidmap or slirp4netns), which
                                 may be empty and is at most 4 KiB */
#define TSMAN_MSG_EXITED 20u  /* i32 wait status as of waitpid(2) */
#define TSMAN_MSG_DETACHED 21u /* empty: the detach keys were typed */
#define TSMAN_MSG_WARNING 22u /* one NUL-terminated string */
#define TSMAN_MSG_KEPT 23u    /* empty, before EXITED: somebody starts the container
                                 again, so it is not to be removed (--rm) */
#define TSMAN_MSG_CALLER 24u /* pid: a CALLER step was come to, GO is awaited; 0: by init, which
                                CREATED tells of.  Else it comes before CREATED, init being
                                forked later, and the process is in all of the container's
                                namespaces but that of pid and a new one of time */
#define TSMAN_MSG_LEFT 25u   /* empty: init waits at its start pipe, the monitor ends
                                (START_PIPES) */

/* ---- frames of the attach socket ------------------------------------------
   `attach` in the run directory, a unix stream socket that several clients may
   use at once.  Client -> monitor: STDIN, STDIN_EOF, SIGNAL, RESIZE; anything else
   ends the connection.  Monitor -> client: ATTACHED first, then STDOUT, STDERR,
   LOST, and at the end of the program EXITED. */
#define TSMAN_MSG_STDIN 32u   /* bytes for the program's stdin; dropped without one */
#define TSMAN_MSG_STDIN_EOF 33u /* empty: the program reads an end of file (not
                                 with a tty) */
#define TSMAN_MSG_STDOUT 34u  /* bytes; with a tty all output */
#define TSMAN_MSG_STDERR 35u  /* bytes */
#define TSMAN_MSG_ATTACHED 36u /* u32 flags: 1 the program has a tty, 2 it has a
                                 stdin that can be written to */
#define TSMAN_MSG_LOST 37u    /* u64: bytes of output that this client did not take
                                 in time and does not get */

/* ---- settings ------------------------------------------------------------ */
/* Operands in the comments: (name type).  opt = may be missing. */
#define TSMAN_SET_VERSION 1u  /* (version): must equal TSMAN_PROTOCOL_VERSION */
#define TSMAN_SET_ID 2u       /* (container id), for process titles and logs */
#define TSMAN_SET_UID_MAP 3u  /* (inside, outside, count)*  repeated record */
#define TSMAN_SET_GID_MAP 4u  /* the same */
#define TSMAN_SET_MAP_TOOLS 5u /* (path of newuidmap, path of newgidmap): use
                                 them, both at once; absent: write the map files
                                 directly */
#define TSMAN_SET_SETGROUPS_DENY 6u /* (): write "deny" before gid_map
                                 (user_namespaces(7)), no setgroups later */
#define TSMAN_SET_UNSHARE 7u  /* (namespace)*: any of user mount pid uts ipc
                                 network cgroup time; unshared in the kernel's order */
#define TSMAN_SET_JOIN 8u     /* (namespace, path): setns to it instead; before the user
                                 namespace changes where the rights for that are there,
                                 else after.  With a mount namespace that is joined there
                                 are no steps of phases 1 and 2 but the names of the host
                                 and LOOPBACK: its root is the container's */
#define TSMAN_SET_OPEN 9u     /* (slot number, path, kind: dir|file|any): opened
                                 O_PATH|O_CLOEXEC as the caller, in the new mount
                                 namespace (a descriptor of another one cannot be
                                 mounted) and before the ids change; steps name it
                                 "@slot".  Symbolic links in it are followed: it
                                 is the caller's own path.  "@N/name" is below
                                 slot N and is opened after the stage commands */
#define TSMAN_SET_TTY 10u     /* (rows, columns): the program gets a pty (made
                                 inside, from its own devpts: by CONSOLE, or,
                                 without that step, right before EXEC) */
#define TSMAN_SET_STDIN 11u   /* (): forward descriptor 0; absent: /dev/null or,
                                 with a tty, nothing is read */
#define TSMAN_SET_FOREGROUND 12u /* (): copy output to descriptors 1 and 2, end
                                 with the container; absent: detached: leave the
                                 session, close 0-2 after STARTED */
#define TSMAN_SET_DETACH_KEYS 13u /* (bytes): typed in this order on descriptor
                                 0, with a tty: stop forwarding, say DETACHED */
#define TSMAN_SET_LOG 14u     /* (path, max bytes of a file, number of old files):
                                 k8s-file lines; absent: no log */
#define TSMAN_SET_RUN_DIR 15u /* (path): existing 0700 directory; the monitor
                                 writes `monitor` and `init` ("pid starttime\n")
                                 there, and a fifo `control` with text lines (a signal
                                 or stop that comes before the program runs is for it
                                 when it does, within five seconds)
                                 "signal N", "stop SIG MS", "resize R C", "keep" (this
                                 life's end is not the container's: somebody starts it
                                 again, so neither REMOVE_TREE nor CLEANUP), "give-up"
                                 (wait no longer before a restart, and there is none;
                                 ignored in any other phase), "start" (see STAY),
                                 "health" (check now), "paused" (everything in the
                                 container is: a check that runs does not count),
                                 "health-policy INTERVAL TIMEOUT START-PERIOD
                                 START-INTERVAL RETRIES ACTION" (as in HEALTH, with
                                 0 to 3 for none, kill, stop, restart; from now on);
                                 it holds
                                 an exclusive flock on `lock` for its life */
#define TSMAN_SET_EXIT_FILE 16u /* (path): "status N\nsignal N\ncore 0|1\noom 0|1\n
                                 finished SEC.NSEC\n", temp file + rename.  status
                                 is the exit code, or 128 + signal.  Written when
                                 all output is in the log; none if the program was
                                 never executed.  One of an earlier start is gone
                                 as soon as the program runs, and kept if it does
                                 not.  Where there is no room for it: `exit` in RUN_DIR */
#define TSMAN_SET_PID_FILE 17u /* (path): decimal pid of init */
#define TSMAN_SET_NETWORK 18u /* (argv)*: helper (slirp4netns), started as soon as
                                 the network namespace exists; "{pid}" becomes the
                                 pid of a process in it, "{ready_fd}", "{exit_fd}"
                                 descriptor numbers; READY waits for a byte on
                                 ready_fd.  Started in the run directory */
#define TSMAN_SET_HOLD 19u    /* (): after READY wait for START */
#define TSMAN_SET_TIMEOUT 20u /* (milliseconds): then SIGKILL */
#define TSMAN_SET_STOP 21u    /* (signal, milliseconds): for a control "stop" that
                                 names none, and when the monitor itself gets
                                 SIGTERM */
#define TSMAN_SET_CLEANUP 22u /* (argv)*: executed by the monitor after the exit
                                 of a detached container (--rm -d), and when no
                                 caller is connected any more */
#define TSMAN_SET_STAGE_COMMAND 23u /* (argv)*: a host program that is run and waited
                                 for as root of the user namespace, in a mount
                                 namespace that the container's is then copied
                                 from, and in the host's pid namespace
                                 (fuse-overlayfs, which goes to the background by
                                 itself); repeated, in order.  "@N" as a whole and
                                 "@{N}" anywhere become /proc/self/fd/FD.  What it
                                 leaves running gets SIGTERM after the container's
                                 end */
#define TSMAN_SET_DUMB_INIT 24u /* (): --init: a small init of ours is pid 1,
                                 forwards signals, reaps, ends with the program */
#define TSMAN_SET_REMOVE_TREE 25u /* (path): --rm in the foreground: removed as the
                                 caller before EXITED, quietly; what belongs to
                                 other ids is left for whoever reads EXITED */
#define TSMAN_SET_STAY 26u    /* (text): with HOLD: once all is set up the run directory
                                 has a file `initialized` with this text, and the caller
                                 may leave; START then comes as the control line "start",
                                 the file goes when the program runs.  Where it cannot
                                 be executed there is a FAILED frame in a file `failed` */
#define TSMAN_SET_LOG_FORMAT 30u /* (k8s-file|json-file, tag or ""): of LOG's lines;
                                 json-file is Docker's, with the tag in "attrs" */
#define TSMAN_SET_LOG_JOURNAL 31u /* (path of a datagram socket, "NAME=value"...):
                                 log to systemd's journal, each line with these
                                 fields; instead of LOG */
#define TSMAN_SET_PASSTHROUGH 32u /* (): the program gets descriptors 0 to 2 of the
                                 caller themselves, which must be neither terminals
                                 nor directories; nothing is copied or logged */
#define TSMAN_SET_CLEANUP_DELAY 33u /* (milliseconds, long life, milliseconds after a long
                                 life): for a restart policy.  CLEANUP is executed
                                 whoever is connected, so long after the exit file
                                 is written; not at all when the container was
                                 asked to stop (control "stop", SIGTERM), before or
                                 during the wait.  Meanwhile the run directory has a
                                 file `restart`; `monitor` stays, since CLEANUP is that
                                 process */
#define TSMAN_SET_HEALTH 34u  /* (state file, interval, timeout, start period, interval
                                 within it, retries, on failure: none|kill|stop|
                                 restart): run HEALTH_PLAN every interval milliseconds
                                 and write down how it went (native/health.h);
                                 interval 0: when a control "health" asks for it */
#define TSMAN_SET_HEALTH_PLAN 35u /* (bytes): payload of the LAUNCH of a check, lacking
                                 its JOIN_PROCESS */
#define TSMAN_SET_HEALTH_STARTUP 36u /* (interval, timeout, retries, successes): what
                                 HEALTH_STARTUP_PLAN is run for before the other */
#define TSMAN_SET_HEALTH_STARTUP_PLAN 37u /* (bytes): the same for the startup check */
#define TSMAN_SET_JOIN_PROCESS 45u /* (pid, start time): an exec session: all
                                 namespaces of that process, the init of a container
                                 that runs, are joined, and the plan has steps of
                                 phase 3 only.  The program is killed when that
                                 process ends; the run directory is removed with
                                 the session.  EAGAIN: it is not past its execve */
#define TSMAN_SET_PRESERVE 46u /* (count): so many descriptors that the monitor
                                 finds behind the control socket, from
                                 TSMAN_CONTROL_FD + 1 on, become the program's, from
                                 3 on */

#define TSMAN_SET_EVENT 50u   /* (status, path, line): appended to the store's file of
                                 events when that happens (init, start, died,
                                 exec_died, health_status, remove, oom); the first "{time}" becomes SEC.NSEC,
                                 the first "{status}" after it the exit code or the
                                 health; repeated, one for each status */

#define TSMAN_SET_SESSION 55u /* (words, path): for `tsman-native session` (session.h).
                                 words, comma separated: "proxy" (pass signals on),
                                 "raw" (make the terminal raw at READY), "id" (print
                                 the id and leave at STARTED).  path: with
                                 SET_REMOVE_TREE, an empty file that the monitor makes
                                 when the tree is gone, since nobody is left to delete
                                 the container's record; may be "" */
#define TSMAN_SET_PREPARED 56u /* (descriptor, pid): namespaces that were made beforehand come
                                 to that socket of the session's from that child of it
                                 (prepared.h), with the maps of UID_MAP and GID_MAP; the
                                 monitor finds it at TSMAN_CONTROL_FD + 1.  Not with
                                 PRESERVE */

#define TSMAN_SET_EPHEMERAL 60u /* (path): the program goes with its caller: SIGKILL when
                                 the control socket closes.  A container's monitor then
                                 removes its tree (SET_REMOVE_TREE) and makes the empty
                                 file PATH, as of SESSION; where that does not remove
                                 all, or with PATH "", it executes CLEANUP.  After a
                                 program that ends by itself it waits for the caller's
                                 end, without the lock.  The tree of an exec session
                                 is none of its business: there PATH is "" */

#define TSMAN_SET_JOIN_OWNER 65u /* (pid, start time): the namespaces that JOIN names are
                                 that process's, the init of a container that runs: else
                                 none is joined.  EAGAIN: it is not past its execve */
#define TSMAN_SET_OPEN_MOUNT 66u /* (slot number, path, file system type): a detached copy
                                 of what is mounted at PATH in the mount namespace of
                                 JOIN_OWNER, which must be a mount of that type, reached
                                 without a symbolic link; in a slot that one BIND may use.
                                 That BIND attaches it: rbind is not heeded */

#define TSMAN_SET_LEAVE 70u   /* (): the monitor ends once the program runs, which goes to
                                 the nearest subreaper (PR_SET_CHILD_SUBREAPER) or to pid
                                 1: an OCI runtime's caller waits for it.  With it, and
                                 with START_PIPES, PASSTHROUGH takes terminals as well */
#define TSMAN_SET_START_PIPES 71u /* (): with HOLD: at START the monitor says LEFT and ends,
                                 and init waits for a byte in the fifo `start` in the run
                                 directory.  In the fifo `started` it says READY at once, then
                                 WARNINGs, and FAILED or an end of file: the program runs.  The
                                 run directory keeps `init` */
#define TSMAN_SET_CONSOLE_SOCKET 72u /* (path): with TTY: the pty's master is sent to this
                                 unix stream socket, with its name, and is nobody else's */
#define TSMAN_SET_JOIN_ANY 73u /* (): JOIN_PROCESS may name a process without a user
                                 namespace of its own */
#define TSMAN_SET_TIME_OFFSET 80u /* (monotonic|boottime, seconds, nanoseconds): of a time
                                 namespace that is made; seconds may be negative
                                 (time_namespaces(7)).  Repeated */
#define TSMAN_SET_OPEN_IDMAPPED 81u /* (slot number, path, "recursive" or "", number of
                                 triples for uids, triples (inside, outside, count)*: those
                                 for uids, then those for gids): a copy of the mount at
                                 PATH whose ids are mapped (mount_setattr(2)), in a slot
                                 that one BIND may use, as of OPEN_MOUNT.  It takes rights
                                 over the file system, which the caller has or has not */
#define TSMAN_SET_SECCOMP_LISTENER 82u /* (path of a stream socket, text): who answers for
                                 the filter of SECCOMP (seccomp_unotify(2)): gets the text
                                 and the descriptor (SCM_RIGHTS); the first two "{pid}" in
                                 it become the program's pid as the caller sees it */
#define TSMAN_SET_STRICT 83u  /* (): FAILED instead of WARNING for a resource limit, an OOM
                                 score or additional groups that cannot be had, and for
                                 access times of a mount that the host has locked */

#define TSMAN_SET_CGROUP 75u  /* (path): an existing control group of version 2, which stage 1
                                 enters before it makes a cgroup namespace.  A container's
                                 monitor kills what is left in it at the end, and removes
                                 it; that of an exec session does not */

#define TSMAN_SET_DEVICE_FILTER 76u /* (program): with CGROUP: attached to it; of type
                                 CGROUP_DEVICE (bpf(2)).  It takes rights of the host */

#define TSMAN_OP_STEP_BASE 256u

/* ---- steps: executed by init, in order ----------------------------------- */
/* Phase 1: the host's view (old root).  Paths here are the caller's own. */
#define TSMAN_OP_PROPAGATION 256u /* (private|slave|shared|unbindable + r-prefix): of / */
#define TSMAN_OP_ROOT_OVERLAY 257u /* (upper @slot, work @slot, extra options or
                                 "", lower @slot, top first, ...): fsopen with
                                 lowerdir+ where the kernel has it, else mount(2)
                                 with /proc/self/fd paths; becomes the new root */
#define TSMAN_OP_ROOT_BIND 258u /* (@slot): this tree, recursively, is the new root; what
                                 a stage command mounts is opened as "@N/name" */
#define TSMAN_OP_ENTER_ROOT 259u /* (): fchdir+chroot into the new root.  The old
                                 one is still in the mount namespace, since a new
                                 proc needs a fully visible one (mount_too_revealing
                                 in fs/namespace.c); from here on every path is
                                 resolved by the kernel inside the container */
/* Phase 2: inside the new root.  Paths are the container's.  Unless said
   otherwise they are resolved by openat2(RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS)
   or, where that is missing, component by component; missing parents are made
   0755; the last component of a mount target is made as directory or file like
   its source. */
#define TSMAN_OP_MOUNT 260u   /* (fstype, source, target, flags, data, extra):
                                 new file system.  flags: comma list of ro nosuid
                                 nodev noexec relatime noatime nodiratime strictatime
                                 nosymfollow, their opposites rw suid dev exec atime
                                 diratime norelatime nostrictatime symfollow, any of
                                 these with r in front, and sync async dirsync lazytime
                                 nolazytime; extra: comma list of
                                 "nosymlink" (no component may be a symbolic link:
                                 /proc /sys /dev), "tmpcopyup", "optional" (on
                                 EPERM/ENOENT/ENODEV/EINVAL go on with a WARNING),
                                 "writable" (whatever the flags say, until a CHANGE_MOUNT:
                                 targets of later steps are made in it) */
#define TSMAN_OP_BIND 261u    /* (@slot, target, flags, propagation or "", extra):
                                 flags as above plus rbind; they apply to every
                                 submount when rbind (mount_setattr
                                 AT_RECURSIVE), unless extra has "top"; those with r
                                 in front always do.  Flags of the source are kept
                                 but for what an opposite clears.  extra as above */
#define TSMAN_OP_MKDIR 262u   /* (path, mode, uid, gid) mkdir -p; existing is fine */
#define TSMAN_OP_SYMLINK 263u /* (target text, path) existing is replaced only if a
                                 symbolic link to something else, else left; with a third operand
                                 "missing": made where there is nothing, in a directory
                                 that is there, or not at all */
#define TSMAN_OP_WRITE_FILE 264u /* (path, data, mode, flags): flags: create,
                                 truncate, append, exclusive; never follows a final
                                 symbolic link */
#define TSMAN_OP_DEVICE 265u  /* (@slot of host device, path): bind onto an empty
                                 file at path; the inode must be a char or block
                                 device */
#define TSMAN_OP_MASK 266u    /* (@slot of /dev/null or "", path): a directory gets
                                 an empty read-only tmpfs, a file a bind of the
                                 slot, checked to be char 1:3; a missing path is
                                 skipped */
#define TSMAN_OP_READONLY 267u /* (path): bind on itself, read-only; missing: skip */
#define TSMAN_OP_SYSCTL 268u  /* (key path below /proc/sys, value): fstatfs must
                                 say procfs */
#define TSMAN_OP_HOSTNAME 269u /* (name) */
#define TSMAN_OP_DOMAINNAME 270u /* (name) */
#define TSMAN_OP_CONSOLE 271u /* (): make the pty from /dev/pts/ptmx of the
                                 container, bind the slave on /dev/console */
#define TSMAN_OP_LOOPBACK 272u /* (): lo up */
#define TSMAN_OP_PIVOT 273u   /* (): leave the chroot, pivot_root(".", "."), detach
                                 the old root, verify that nothing of it remains */
#define TSMAN_OP_ROOT_READONLY 274u /* (): the root mount only */
#define TSMAN_OP_ROOT_PROPAGATION 275u /* (as PROPAGATION): of the new / */
/* Phase 3: the process. */
#define TSMAN_OP_RLIMIT 276u  /* (resource number, soft, hard) "infinity" allowed;
                                 a hard limit above what the caller may set: WARNING
                                 and the highest possible */
#define TSMAN_OP_OOM_SCORE 277u /* (value) */
#define TSMAN_OP_UMASK 278u   /* (octal) */
#define TSMAN_OP_USER 279u    /* (user spec as of `-u`, additional groups, comma
                                 list of names or numbers, or "", flags, passwd form,
                                 group form): read
                                 /etc/passwd and /etc/group inside the root, as
                                 bounded regular files (S22, S23); remembers uid,
                                 gid, groups, home.  flags: "entry" (append a
                                 passwd entry for a uid that has none, and a group
                                 line), "name=NAME" (of
                                 that entry, instead of the uid), "keepgroups".  Forms:
                                 of the lines, see user.h; then one that is missing and
                                 cannot be appended is a failure.  "": the usual one */
#define TSMAN_OP_CHDIR 280u   /* (path, create 0|1): cwd must be inside the root
                                 afterwards (S2) */
#define TSMAN_OP_CAPS 281u    /* (bounding, effective, permitted, inheritable,
                                 ambient): hexadecimal masks; applied around the
                                 change of ids */
#define TSMAN_OP_NO_NEW_PRIVS 282u /* () */
#define TSMAN_OP_SECCOMP 283u /* (BPF program, flags number): last before exec */
#define TSMAN_OP_KEYRING 284u /* (): keyctl(2) a new session keyring; ENOSYS, EPERM
                                 and EDQUOT are a WARNING */
#define TSMAN_OP_ENV 285u     /* ("NAME=value")*; HOME is added from USER if missing */
#define TSMAN_OP_EXEC 286u    /* (argv)*: the last step; PATH search with the
                                 container's PATH; ids, capabilities and filter are
                                 applied here in the right order */
/* Phase 2 again, numbered last because it came last. */
#define TSMAN_OP_COPY_UP 287u /* (path, @slot of a directory): copy the tree that
                                 the image has at path into the directory behind
                                 the slot, contents only, with owners, modes,
                                 times, xattrs and links, before something is
                                 bound there; done only while that directory is
                                 empty (S17), skipped when path is missing or no
                                 directory.  The directory itself gets path's
                                 owner and mode.  Path is resolved as a mount
                                 target; links inside the tree are copied, never
                                 followed */
#define TSMAN_OP_CHOWN_TREE 288u /* (@slot of a directory or file): give the tree
                                 behind the slot to the uid and gid that USER
                                 remembered (so it stands after USER), not
                                 following links and not crossing into other file
                                 systems; entries that have them already are left
                                 alone */
#define TSMAN_OP_CALLER 290u  /* (): phase 1 or 2: say CALLER, wait for GO */

#define TSMAN_OP_HOOK 295u    /* (container|start, path, milliseconds or 0, text, count, argv of
                                 so many, "NAME=value"*): a program that gets the text on its
                                 stdin, the first "{pid}" in it being the container's pid as it
                                 sees it, and nothing of our environment; its failure is the
                                 container's.  "container": before PIVOT, in all of the
                                 container's namespaces, with the host's root and the new root as
                                 working directory, as the container's root.  "start": in phase
                                 3, executed right before the program, as the program's user, with
                                 its rights and its filter */
#define TSMAN_OP_SCHEDULER 296u /* (policy, flags, nice, priority, runtime, deadline, period):
                                 sched_setattr(2); nice may be negative */
#define TSMAN_OP_IO_PRIORITY 297u /* (class, level): ioprio_set(2) */
#define TSMAN_OP_PERSONALITY 298u /* (hexadecimal persona): personality(2) */
#define TSMAN_OP_MKNOD 299u   /* (path, c|b|p, major, minor, mode, uid, gid): phase 2; takes
                                 rights outside of all user namespaces but for a fifo (p).
                                 The same node already there is left as it is */
#define TSMAN_OP_LABEL 300u   /* (apparmor|selinux, label): of the program (proc_pid_attr(5)) */
#define TSMAN_OP_HOST_USER 301u /* (name, uid, line): append the line to /etc/passwd, unless
                                 that has the name or the uid already; before USER */
#define TSMAN_OP_CHANGE_MOUNT 302u /* (path, flags, propagation or ""): of what is mounted there
                                 already; flags as of BIND, what they do not name stays; phase 2 */
#define TSMAN_OP_OVERLAY 303u /* (target, flags, options of overlayfs, extra, upper @slot or "", work
                                 @slot or "", lower @slot, top first, ...): flags and extra as of
                                 MOUNT; the directories are the host's; phase 2 */
