//! Giving up root: user, group, root folder.

use super::SysError;
use nix::unistd::{Gid, Group, Uid, User};
use std::ffi::CString;
use std::path::Path;

/// Whether this process runs as root, which alone can switch identity.
#[must_use]
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Becomes `user` and `group` inside `chroot`, for good. What is `None` stays.
///
/// Names are looked up before the root folder changes, and the user is switched last, since it takes
/// the rights to do the rest. Without `group`, the user's own group is taken: staying in root's would
/// give up less than asked. Supplementary groups become those of the user.
///
/// # Errors
/// An unknown name, a folder that is not there, or a process without the rights. Some steps may be done
/// by then, so the caller must not go on as if nothing happened.
pub fn switch_identity(
    user: Option<&str>,
    group: Option<&str>,
    chroot: Option<&Path>,
) -> Result<(), SysError> {
    let user = user.map(find_user).transpose()?;
    let group = group.map(find_group).transpose()?;
    let gid = group
        .as_ref()
        .map(|g| g.gid)
        .or(user.as_ref().map(|u| u.gid));
    let supplementary = supplementary_groups(user.as_ref(), gid)?;
    if let Some(folder) = chroot {
        enter_root(folder)?;
    }
    if let Some(gid) = gid {
        nix::unistd::setgroups(&supplementary)
            .map_err(|e| SysError::new("set the supplementary groups", "", e))?;
        nix::unistd::setgid(gid)
            .map_err(|e| SysError::new("switch to the group", gid.to_string(), e))?;
    }
    if let Some(user) = user {
        nix::unistd::setuid(user.uid)
            .map_err(|e| SysError::new("switch to the user", user.name, e))?;
    }
    Ok(())
}

fn find_user(name: &str) -> Result<User, SysError> {
    const OP: &str = "switch to the user";
    User::from_name(name)
        .map_err(|e| SysError::new(OP, name, e))?
        .ok_or_else(|| SysError::refused(OP, format!("\"{name}\": there is no such user")))
}

fn find_group(name: &str) -> Result<Group, SysError> {
    const OP: &str = "switch to the group";
    Group::from_name(name)
        .map_err(|e| SysError::new(OP, name, e))?
        .ok_or_else(|| SysError::refused(OP, format!("\"{name}\": there is no such group")))
}

/// Read while /etc/group is still that of the host.
fn supplementary_groups(user: Option<&User>, gid: Option<Gid>) -> Result<Vec<Gid>, SysError> {
    let (Some(user), Some(gid)) = (user, gid) else {
        return Ok(gid.into_iter().collect());
    };
    const OP: &str = "look up the groups of the user";
    let name = CString::new(user.name.as_str())
        .map_err(|_| SysError::refused(OP, format!("{:?}", user.name)))?;
    nix::unistd::getgrouplist(&name, gid).map_err(|e| SysError::new(OP, &user.name, e))
}

fn enter_root(folder: &Path) -> Result<(), SysError> {
    let fail = |e| SysError::new("change the root folder", folder.display().to_string(), e);
    nix::unistd::chroot(folder).map_err(fail)?;
    // Else the working folder would be a way out.
    nix::unistd::chdir("/").map_err(fail)
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_refused_before_anything_changes() {
        let error = switch_identity(Some("no such user?"), None, None).expect_err("user");
        assert!(error.to_string().contains("no such user"), "{error}");
        let error = switch_identity(None, Some("no such group?"), None).expect_err("group");
        assert!(error.to_string().contains("no such group"), "{error}");
        assert_eq!(switch_identity(None, None, None), Ok(()));
    }
}
