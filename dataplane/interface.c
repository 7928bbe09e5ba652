// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Asks the kernel about interfaces (interface.h) with the ioctls of netdevice(7) and ethtool.
#include "dataplane/interface.h"

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// One ioctl about one interface.
static int ask(const char *name, unsigned long request, struct ifreq *answer) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(answer->ifr_name, sizeof(answer->ifr_name), "%s", name);
	int ret = ioctl(fd, request, answer) ? -errno : 0;
	close(fd);
	return ret;
}

void interface_list(char *text, size_t size) {
	struct if_nameindex *all = if_nameindex();
	size_t length = 0;
	text[0] = '\0';
	for (struct if_nameindex *one = all; one && one->if_name && length < size; one++)
		length += (size_t)snprintf(text + length, size - length, "%s%s", length ? ", " : "", one->if_name);
	if (all)
		if_freenameindex(all);
}

static int link_of(unsigned short hardware, enum packet_link *link) {
	switch (hardware) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		*link = PACKET_LINK_ETHERNET;
		return 0;
	case ARPHRD_NONE: // tun
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_RAWIP:
		*link = PACKET_LINK_RAW;
		return 0;
	default:
		return -EINVAL;
	}
}

int interface_check(const char *name, enum packet_link *link, char *error, size_t size) {
	struct ifreq answer = {0};
	char names[256];
	if (strlen(name) >= IFNAMSIZ || !if_nametoindex(name)) {
		interface_list(names, sizeof(names));
		snprintf(error, size, "%s: no such network interface: expected one of %s", name, names);
		return -ENODEV;
	}
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		snprintf(error, size, "%s: capturing is not permitted (%s): expected root or CAP_NET_RAW", name,
			strerror(errno));
		return -EPERM;
	}
	close(fd);
	int ret = ask(name, SIOCGIFHWADDR, &answer);
	if (!ret)
		ret = link_of(answer.ifr_hwaddr.sa_family, link);
	if (ret)
		snprintf(error, size, "%s: hardware type %u: expected Ethernet, loopback or a tunnel of IP packets",
			name, answer.ifr_hwaddr.sa_family);
	return ret;
}

bool interface_is_up(const char *name) {
	struct ifreq answer = {0};
	return !ask(name, SIOCGIFFLAGS, &answer) && answer.ifr_flags & IFF_UP;
}

size_t interface_offloads(const char *name, char *text, size_t size) {
	static const struct {
		unsigned command;
		uint32_t flag; // of the answer's data; 0: all of it
		const char *name;
	} offloads[] = {
		{ETHTOOL_GTSO, 0, "tso"},
		{ETHTOOL_GGSO, 0, "gso"},
		{ETHTOOL_GGRO, 0, "gro"},
		{ETHTOOL_GFLAGS, ETH_FLAG_LRO, "lro"},
	};
	size_t length = 0;
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++) {
		struct ethtool_value value = {.cmd = offloads[i].command};
		struct ifreq answer = {.ifr_data = (char *)&value};
		if (ask(name, SIOCETHTOOL, &answer) || !(offloads[i].flag ? value.data & offloads[i].flag : value.data))
			continue;
		length += (size_t)snprintf(text + length, size - length, "%s%s", length ? ", " : "", offloads[i].name);
	}
	return length;
}

static bool is_capturing(int fd, unsigned index) {
	struct sockaddr_ll address = {.sll_family = AF_UNSPEC};
	socklen_t size = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &size) != 0 || address.sll_family != AF_PACKET)
		return false;
	return (unsigned)address.sll_ifindex == index && address.sll_protocol != 0;
}

int interface_capture_fd(const char *name) {
	unsigned index = if_nametoindex(name);
	DIR *folder = opendir("/proc/self/fd");
	int found = 0;
	for (struct dirent *entry; folder != NULL && found == 0 && (entry = readdir(folder)) != NULL;) {
		int fd = atoi(entry->d_name);
		if (index != 0 && fd > 0 && is_capturing(fd, index))
			found = fd;
	}
	if (folder != NULL)
		closedir(folder);
	return found;
}
