#include "device-filter.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"
#include "protocol.h"

static int call(int command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static int load(const struct plan_record *record)
{
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insns = (uint64_t)(uintptr_t)record->argv[0];
    attributes.insn_cnt = record->length[0] / sizeof(struct bpf_insn);
    /* No function of the kernel's is called, so any licence will do. */
    attributes.license = (uint64_t)(uintptr_t) "";
    return call(BPF_PROG_LOAD, &attributes);
}

int device_filter_attach(const struct cgroup *cgroup, const struct plan *plan,
                         struct failure *failure)
{
    const struct plan_record *record = plan_setting(plan, TSMAN_SET_DEVICE_FILTER);
    if (record == NULL)
        return 0;
    const size_t size = record->length[0];
    if (cgroup->directory < 0 || size == 0 || size % sizeof(struct bpf_insn) != 0)
        return fail(failure, EINVAL, "load device filter", "%zu bytes", size);
    cleanup_close int program = load(record);
    if (program < 0)
        return fail(failure, errno, "load device filter", "%zu bytes", size);
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.target_fd = (uint32_t)cgroup->directory;
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = BPF_CGROUP_DEVICE;
    /* Those of groups above go on to count: a device has to be allowed by all. */
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    return call(BPF_PROG_ATTACH, &attributes) < 0
               ? fail(failure, errno, "attach device filter", "to %s", cgroup->path)
               : 0;
}
