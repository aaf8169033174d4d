#include "monitor-state.h"

#include <signal.h>

#include "event.h"

static void act(struct monitor *monitor, enum health_action action)
{
    const struct settings *settings = &monitor->settings;
    switch (action) {
    case HEALTH_KILL:
        monitor_signal_init(monitor, SIGKILL);
        break;
    case HEALTH_STOP:
        /* For good: as if somebody had asked for it. */
        monitor->stop_asked = true;
        monitor_signal_init(monitor, settings->stop_signal);
        monitor_kill_after(monitor, settings->stop_timeout);
        break;
    case HEALTH_RESTART:
        monitor->restart_wanted = true;
        monitor_signal_init(monitor, settings->stop_signal);
        monitor_kill_after(monitor, settings->stop_timeout);
        break;
    case HEALTH_NOTHING:
        break;
    }
}

void monitor_pump_health(struct monitor *monitor)
{
    struct health *health = &monitor->health;
    if (monitor->phase != RUNNING)
        return;
    health_pump(health, monitor_now());
    if (health->changed) {
        health->changed = false;
        event_write(&monitor->settings.events, "health_status",
                    health_status_name(health->state.status));
    }
    enum health_action action = health->action;
    health->action = HEALTH_NOTHING;
    act(monitor, action);
}
