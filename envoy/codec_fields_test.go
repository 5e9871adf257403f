package envoy

import (
	"maps"
	"slices"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	isRead  = true  // by a decision
	ignored = false // on purpose: it decides nothing
)

// readFields says of each field of each message that something is read of
// whether it is read.
func readFields() map[protoreflect.FullName]map[protoreflect.Name]bool {
	return map[protoreflect.FullName]map[protoreflect.Name]bool{
		"envoy.service.auth.v3.CheckRequest": {"attributes": isRead},
		"envoy.service.auth.v3.AttributeContext": {
			"source": isRead, "request": isRead, "context_extensions": isRead,
			"destination": ignored, "metadata_context": ignored, "route_metadata_context": ignored, "tls_session": ignored,
		},
		"envoy.service.auth.v3.AttributeContext.Peer": {
			"address": isRead, "principal": isRead, "service": ignored, "labels": ignored, "certificate": ignored,
		},
		"envoy.config.core.v3.Address": {"socket_address": isRead, "pipe": isRead, "envoy_internal_address": isRead}, // the last one counts
		"envoy.config.core.v3.SocketAddress": {
			"address": isRead, "protocol": ignored, "port_value": ignored, "named_port": ignored, "resolver_name": ignored,
			"ipv4_compat": ignored, "network_namespace_filepath": ignored,
		},
		"envoy.service.auth.v3.AttributeContext.Request": {"http": isRead, "time": ignored},
		"envoy.service.auth.v3.AttributeContext.HttpRequest": {
			"method": isRead, "headers": isRead, "header_map": isRead, "path": isRead, "host": isRead, "scheme": isRead,
			"id": ignored, "query": ignored, "fragment": ignored, "size": ignored, "protocol": ignored, "body": ignored, "raw_body": ignored,
		},
		"envoy.config.core.v3.HeaderMap":   {"headers": isRead},
		"envoy.config.core.v3.HeaderValue": {"key": isRead, "value": isRead, "raw_value": isRead},
	}
}

// TestEveryFieldIsKnown walks the descriptor of CheckRequest. A field that a
// new version of the API brings fails it, until somebody has decided whether
// it is read.
func TestEveryFieldIsKnown(t *testing.T) {
	want := readFields()
	seen := map[protoreflect.FullName]bool{}
	var walk func(d protoreflect.MessageDescriptor)
	walk = func(d protoreflect.MessageDescriptor) {
		seen[d.FullName()] = true
		listed := want[d.FullName()]
		for i := range d.Fields().Len() {
			fd := d.Fields().Get(i)
			how, ok := listed[fd.Name()]
			if !ok {
				t.Errorf("%s is new: decide whether the codec reads it", fd.FullName())
			}
			if fd.Message() != nil && !fd.IsMap() && how == isRead && want[fd.Message().FullName()] != nil {
				walk(fd.Message())
			}
		}
		if len(listed) != d.Fields().Len() {
			t.Errorf("%s has %d fields, %d are listed", d.FullName(), d.Fields().Len(), len(listed))
		}
	}
	walk((&authv3.CheckRequest{}).ProtoReflect().Descriptor())
	if !maps.Equal(seen, allTrue(slices.Collect(maps.Keys(want)))) {
		t.Errorf("walked %v", seen)
	}
}

func allTrue(names []protoreflect.FullName) map[protoreflect.FullName]bool {
	all := map[protoreflect.FullName]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

// TestEveryTypeIsKnown: all that a CheckRequest can hold is proto3, whose rules
// the codec follows, and of kinds that it knows.
func TestEveryTypeIsKnown(t *testing.T) {
	known := map[protoreflect.FullName]*wireType{}
	root := (&authv3.CheckRequest{}).ProtoReflect().Descriptor()
	if _, err := newWireType(root, known); err != nil {
		t.Fatal(err)
	}
	if len(known) < 20 {
		t.Errorf("only %d types are known", len(known))
	}
	seen := map[protoreflect.FullName]bool{}
	var walk func(d protoreflect.MessageDescriptor)
	walk = func(d protoreflect.MessageDescriptor) {
		if seen[d.FullName()] {
			return
		}
		seen[d.FullName()] = true
		if d.Syntax() != protoreflect.Proto3 || d.ExtensionRanges().Len() > 0 || known[d.FullName()] == nil {
			t.Errorf("%s is no message of proto3 that the codec knows", d.FullName())
		}
		for i := range d.Fields().Len() {
			if m := d.Fields().Get(i).Message(); m != nil {
				walk(m)
			}
		}
	}
	walk(root)
}
