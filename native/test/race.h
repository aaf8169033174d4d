/* What happens while others do something too: a test has its say between two calls. */
#pragma once

/* Called before and after each unlinkat(2) of a name, and before each pidfd_open(2); NULL: nothing.
 */
extern void (*race_before_unlink)(const char *name);
extern void (*race_after_unlink)(const char *name);
extern void (*race_before_pidfd)(int pid);
